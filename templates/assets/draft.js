// A section of a draft: number keys, and saving by itself. The form works without; this only adds.
//
// Nothing that was chosen is ever dropped: while it is not saved the page says so and asks before it is left, and a form is sent
// on by the browser only when what it answers with has the answers in it.

import { firstOpen, focusItem, useKeys } from './keys.js';
import { read, send, wordsOf } from './page.js';

const DELAY_MS = 2000;
const RETRY_MS = 15_000;
/** Says to the next section that the keyboard alone is in use. */
const BY_KEYS = '#prima';

const form = document.querySelector('input[name="revision"]').form;
const word = wordsOf('nc-words');
const state = document.getElementById('nc-state');
const [conflict, session] = ['nc-conflict', 'nc-session'].map((id) => document.getElementById(id));
let timer;
let isDirty = false;
let isBlocked = false;
let isLeaving = false;
let isByKeys = false;
let last = Promise.resolve();

function say(name, values) {
  state.textContent = word(name, values);
}

function show(result, { saved_at: time, to } = {}) {
  session.hidden = result !== 'session';
  conflict.hidden = result !== 'conflict';
  // From here on the form goes the plain way, whose answer shows what differs.
  isBlocked = result === 'conflict';
  if (result === 'done') say(to ? 'saved' : 'invalid', { time });
  else say(result);
}

function renew(csrf) {
  for (const input of document.querySelectorAll('input[name="csrf"]')) input.value = csrf;
}

/** Sends the form the plain way, for a page that shows what differs: only with a session that will answer it. */
async function goPlain(submitter) {
  const now = await read('/sessione.json');
  if (now.kind !== 'done') {
    session.hidden = now.kind !== 'session';
    return say(now.kind);
  }
  renew(now.body.csrf);
  isLeaving = true;
  return form.requestSubmit(submitter);
}

/** Saves what the page has now, after whatever is being saved; `go` is where the form would lead. */
function save(go, { keepalive = false } = {}) {
  clearTimeout(timer);
  const run = async () => {
    const fields = [...new FormData(form)].filter(([name]) => name !== 'csrf' && name !== 'go');
    isDirty = false;
    say('saving');
    const csrf = form.elements.csrf.value;
    const result = await send(form.getAttribute('action'), [...fields, ['go', go], ['auto', '1']], { csrf, keepalive });
    if (result.csrf) renew(result.csrf);
    if (result.kind === 'done') form.elements.revision.value = result.body.revision;
    else isDirty = true;
    show(result.kind, result.body ?? {});
    if (result.kind === 'offline' || result.kind === 'failed') timer = setTimeout(() => save(go), RETRY_MS);
    return result;
  };
  last = last.then(run, run);
  return last;
}

const next = () => form.querySelector('.nc-actions button[name="go"]');
const saveIfNeeded = (options) => isDirty && !isBlocked && !isLeaving && save(next().value, options);

form.addEventListener('input', () => {
  isDirty = true;
  if (isBlocked) return;
  if (session.hidden) say('waiting');
  clearTimeout(timer);
  timer = setTimeout(saveIfNeeded, DELAY_MS);
});
form.addEventListener('change', () => form.dispatchEvent(new Event('input')));

document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'hidden') saveIfNeeded({ keepalive: true });
  else if (!session.hidden) saveIfNeeded();
});
addEventListener('focus', () => !session.hidden && saveIfNeeded());
addEventListener('online', () => saveIfNeeded());
document.getElementById('nc-retry').addEventListener('click', () => saveIfNeeded());
addEventListener('beforeunload', (event) => {
  if (isDirty && !isLeaving) event.preventDefault();
});
// A link is followed once what was chosen is saved, so that the question of beforeunload is for what could not be.
document.addEventListener('click', async (event) => {
  const link = event.target.closest('a[href]');
  const isPlain = link && !link.target && !link.getAttribute('href').startsWith('#') && !(event.ctrlKey || event.metaKey || event.shiftKey);
  if (!isPlain || !isDirty || isBlocked) return;
  event.preventDefault();
  if ((await save(next().value)).kind === 'done') location.assign(link.href);
});
// Brought back by the browser as it was left: another page may have saved since.
addEventListener('pageshow', (event) => event.persisted && location.reload());

form.addEventListener('submit', async (event) => {
  if (isLeaving) return;
  event.preventDefault();
  const submitter = event.submitter ?? next();
  if (isBlocked) {
    await goPlain(submitter);
    return;
  }
  const result = await save(submitter.value);
  if (result.kind === 'done' && result.body.to) {
    isLeaving = true;
    location.assign(result.body.to + (isByKeys && result.body.to.includes('/parte/') ? BY_KEYS : ''));
  } else if (result.kind === 'done' || result.kind === 'conflict') {
    isLeaving = true;
    form.requestSubmit(submitter);
  }
});

document.addEventListener('keydown', () => { isByKeys = true; }, true);
document.addEventListener('pointerdown', () => { isByKeys = false; }, true);
document.getElementById('nc-first').addEventListener('click', (event) => {
  event.preventDefault();
  focusItem(firstOpen(form));
});

// At the end of the form, where it stays at the edge of the window while the form is in view.
form.append(document.getElementById('nc-dock'));
document.getElementById('nc-autosave').hidden = false;
document.getElementById('nc-plain-saving').hidden = true;
useKeys(form, () => next().focus());
if (location.hash === BY_KEYS) {
  isByKeys = true;
  history.replaceState(null, '', location.pathname + location.search);
  focusItem(firstOpen(form));
}
