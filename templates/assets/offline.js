// The page for drafts without network: opened with the passphrase, filled in, sent.
//
// Every change is sealed and on the disk before the page says so. A record leaves the device when the portal has acknowledged its
// answers, or when somebody has said twice that it should.

import { useKeys } from './keys.js';
import { send, wordsOf } from './page.js';
import { clear, count, open, put, remove } from './vault.js';

const IDLE_MS = 15 * 60_000;
const LOCK = 'noncello-fuori-rete';

const word = wordsOf('nc-words');
const $ = (id) => document.getElementById(id);
const VIEWS = ['nc-none', 'nc-unlock', 'nc-list', 'nc-editor', 'nc-compare'];
let keys = new Map();
let records = [];
let current;
let csrf = '';
let idle;
let writing = Promise.resolve();
/** Changes that are not on the disk yet, or could not be put there. */
let countUnkept = 0;
let stopKeys;

const itemsOf = (value) => value.instrument.sections.flatMap((section) => section.items);
const countAnswered = (value) => itemsOf(value).filter(({ id }) => (value.answers[id] ?? '') !== '' && Number(value.answers[id]) >= 0).length;
const figures = (value) => ({ answered: countAnswered(value), items: itemsOf(value).length });

function view(name) {
  for (const one of VIEWS) $(one).hidden = one !== name;
  problem();
}

function problem(name) {
  $('nc-problem').hidden = !name;
  $('nc-problem').textContent = name ? word(name) : '';
}

/** A template's content with its slots filled; a slot without a text is taken away. */
function made(id, slots) {
  const element = $(id).content.firstElementChild.cloneNode(true);
  for (const [name, text] of Object.entries(slots)) {
    const slot = element.querySelector(`[data-slot="${name}"]`);
    if (text) slot.textContent = text;
    else slot.remove();
  }
  return element;
}

/** Writes a record after what is being written. */
function keep(record) {
  const [row, key] = [structuredClone(record), keys.get(record.vault)];
  const run = () => put(key, row);
  writing = writing.then(run, run);
  return writing;
}

async function start() {
  keys = new Map();
  records = [];
  current = undefined;
  for (const id of ['nc-drafts', 'nc-sections', 'nc-differences', 'nc-title', 'nc-compare-title']) $(id).replaceChildren();
  for (const form of document.querySelectorAll('main form')) form.reset();
  const found = await count();
  $('nc-count').textContent = String(found);
  view(found > 0 ? 'nc-unlock' : 'nc-none');
}

/** Whoever leaves the page open on a table does not leave the drafts open. */
function stayAwake() {
  clearTimeout(idle);
  if (keys.size > 0) idle = setTimeout(start, IDLE_MS);
}

function showNet() {
  $('nc-net').textContent = word(navigator.onLine ? 'net-on' : 'net-off');
  $('nc-back').hidden = !navigator.onLine || !records.some(isForSending);
}

const isForSending = ({ state, value }) => state === 'queued' || (state === 'here' && value.changed);

function list() {
  view('nc-list');
  showNet();
  $('nc-drafts').replaceChildren(...records.map((record) => {
    const { state, value, note } = record;
    const row = made('nc-draft', {
      label: value.label, instrument: value.instrument.title, unofficial: value.instrument.is_unofficial && word('unofficial'), answered: word('answered', figures(value)), state: word(state),
    });
    const shown = { edit: state === 'here' || state === 'queued', compare: state === 'conflict', send: state === 'here' || state === 'queued', discard: state !== 'sent' };
    for (const [name, is] of Object.entries(shown)) row.querySelector(`[data-do="${name}"]`).hidden = !is;
    const path = row.querySelector('[data-slot="path"]');
    if (state === 'sent') path.href = `/bozze/${value.draft}`;
    else path.remove();
    const told = row.querySelector('[data-slot="problem"]');
    told.hidden = !note;
    told.textContent = note ?? '';
    row.addEventListener('click', (event) => act(event.target.dataset.do, record, row));
    return row;
  }));
}

async function act(name, record, row) {
  if (name === 'edit') edit(record);
  else if (name === 'compare') compare(record);
  else if (name === 'send') await sendAll([record]);
  else if (name === 'discard' || name === 'keep') row.querySelector('[data-slot="sure"]').hidden = name === 'keep';
  else if (name === 'discard-surely') {
    await remove(record);
    records = records.filter((other) => other !== record);
    if (records.length === 0) await start();
    else list();
  }
}

/** Radio buttons of an item, as the portal's own page has them. */
function itemOf(item, answers) {
  const element = made('nc-item', { text: `${item.number}. ${item.text}`, help: item.help });
  const help = element.querySelector('[data-slot="help"]');
  if (help) {
    help.id = `aiuto-${item.id}`;
    element.setAttribute('aria-describedby', help.id);
  }
  const chosen = String(answers[item.id] ?? '');
  const radio = (code, text) => {
    const option = $('nc-option').content.firstElementChild.cloneNode(true);
    const [input, label] = [option.querySelector('input'), option.querySelector('label')];
    Object.assign(input, { name: `item.${item.id}`, value: String(code), id: `item-${item.id}-${code === '' ? 'blank' : code}`, checked: chosen === String(code) });
    label.htmlFor = input.id;
    label.textContent = text;
    return option;
  };
  element.querySelector('[data-slot="options"]').replaceChildren(...item.options.map(({ code, text }) => radio(code, text)));
  element.querySelector('[data-slot="missing"]').replaceChildren(...item.missing.map(({ code, text }) => radio(code, text)), radio('', word('blank')));
  return element;
}

function edit(record) {
  current = record;
  const { value } = record;
  view('nc-editor');
  $('nc-title').textContent = word('title', { label: value.label, instrument: value.instrument.title });
  $('nc-unofficial').hidden = !value.instrument.is_unofficial;
  $('campo-assessed_on').value = value.assessed_on;
  $('nc-window').hidden = !value.instrument.window_days;
  $('nc-window-days').textContent = String(value.instrument.window_days ?? '');
  $('nc-sections').replaceChildren(...value.instrument.sections.map((section) => {
    const element = made('nc-section', { title: section.title, intro: section.intro });
    element.append(...section.items.map((item) => itemOf(item, value.answers)));
    return element;
  }));
  $('nc-state').textContent = '';
  stopKeys?.();
  stopKeys = useKeys($('nc-sheet'), () => $('nc-sheet').querySelector('button[type="submit"]').focus());
  $('nc-title').focus();
}

async function change() {
  const record = current;
  if (!record) return;
  const fields = new FormData($('nc-sheet'));
  record.value.assessed_on = fields.get('assessed_on').trim();
  for (const { id } of itemsOf(record.value)) record.value.answers[id] = fields.get(`item.${id}`) ?? '';
  record.value.changed = true;
  record.note = undefined;
  record.state = 'here';
  countUnkept += 1;
  try {
    await keep(record);
    // A record is written whole: what could not be written before is there now.
    countUnkept = 0;
    const time = new Date().toLocaleTimeString('it-IT', { hour: 'numeric', minute: '2-digit' });
    $('nc-state').textContent = word('kept', { time, ...figures(record.value) });
  } catch {
    $('nc-state').textContent = word('not-kept');
  }
}

/** The words of an answer's code. */
function textOf(item, code) {
  const found = [...item.options, ...item.missing].find((option) => String(option.code) === String(code ?? ''));
  return found?.text ?? word('blank');
}

/** Where a record and the portal's version of it differ. */
function differences({ value }) {
  const { portal } = value;
  const day = { id: 'assessed_on', text: word('day'), here: value.assessed_on || word('nothing'), there: portal.assessed_on };
  const items = itemsOf(value)
    .filter(({ id }) => String(value.answers[id] ?? '') !== String(portal.answers[id] ?? ''))
    .map((item) => ({
      id: `item.${item.id}`, item, text: `${item.number}. ${item.text}`, here: textOf(item, value.answers[item.id]), there: textOf(item, portal.answers[item.id]),
    }));
  return value.assessed_on === portal.assessed_on ? items : [day, ...items];
}

function compare(record) {
  current = record;
  view('nc-compare');
  $('nc-compare-title').textContent = word('title', { label: record.value.label, instrument: record.value.instrument.title });
  $('nc-differences').replaceChildren(...differences(record).map(({ id, text, here, there }) => {
    const element = made('nc-difference', { text, here, there });
    for (const input of element.querySelectorAll('input')) {
      Object.assign(input, { name: `choice.${id}`, id: `choice-${id}-${input.value}` });
      input.nextElementSibling.htmlFor = input.id;
    }
    return element;
  }));
  $('nc-compare-title').focus();
}

async function decide() {
  const record = current;
  const choices = new FormData($('nc-choices'));
  const found = differences(record);
  if (found.some(({ id }) => !choices.get(`choice.${id}`))) return problem('choose');
  const { value } = record;
  for (const { id, item } of found) {
    if (choices.get(`choice.${id}`) !== 'there') continue;
    if (item) value.answers[item.id] = value.portal.answers[item.id] ?? '';
    else value.assessed_on = value.portal.assessed_on;
  }
  value.revision = value.portal.revision;
  delete value.portal;
  record.state = 'queued';
  await keep(record);
  await sendAll([record]);
}

/** Sends a record; it leaves the device only when the portal has its answers. */
async function sendOne(record) {
  const { value } = record;
  record.state = 'queued';
  record.note = undefined;
  await keep(record);
  const fields = [['revision', value.revision], ['assessed_on', value.assessed_on], ...itemsOf(value).map(({ id }) => [`item.${id}`, value.answers[id] ?? ''])];
  const result = await send(`/bozze/${value.draft}/fuori-rete`, fields, { csrf });
  csrf = result.csrf ?? csrf;
  // The portal may have saved what was sent before, and its answer got lost on the way: then both sides read the same.
  const isThere = result.kind === 'conflict' && differences({ value: { ...value, portal: result.body } }).length === 0;
  if (result.kind === 'done' || isThere) {
    await remove(record);
    record.state = 'sent';
  } else if (result.kind === 'conflict') {
    value.portal = result.body;
    record.state = 'conflict';
    await keep(record);
  } else if (result.kind === 'invalid') {
    record.note = result.body.problem;
  } else if (result.kind === 'session') {
    $('nc-login').hidden = false;
  } else {
    record.note = word(result.kind);
  }
}

async function sendAll(some) {
  $('nc-login').hidden = true;
  stayAwake();
  // What changed while it is being sent would leave the device with what was sent.
  const page = document.querySelector('main');
  page.inert = true;
  try {
    for (const record of some) await sendOne(record);
  } finally {
    page.inert = false;
  }
  list();
  $('elenco').focus();
}

async function unlock() {
  const input = $('campo-passphrase');
  $('nc-net').textContent = word('opening');
  const opened = await open(input.value);
  input.value = '';
  showNet();
  if (opened.records.length === 0) {
    problem('wrong');
    return input.focus();
  }
  ({ keys, records } = opened);
  $('nc-closed').hidden = opened.countClosed === 0;
  $('nc-count-closed').textContent = String(opened.countClosed);
  stayAwake();
  list();
  $('elenco').focus();
}

function listen() {
  const onSubmit = (id, use) => $(id).addEventListener('submit', (event) => {
    event.preventDefault();
    use();
  });
  onSubmit('nc-open', unlock);
  onSubmit('nc-choices', decide);
  onSubmit('nc-sheet', async () => {
    await writing.catch(() => {});
    list();
    $('elenco').focus();
  });
  onSubmit('nc-forget', async () => {
    if (!$('campo-sure').checked) return problem('unsure');
    await clear();
    await start();
    $('nc-net').textContent = word('forgotten');
  });
  $('nc-sheet').addEventListener('change', change);
  $('campo-assessed_on').addEventListener('input', change);
  $('nc-lock').addEventListener('click', start);
  $('nc-later').addEventListener('click', list);
  $('nc-send-all').addEventListener('click', () => sendAll(records.filter(isForSending)));
  for (const button of document.querySelectorAll('[data-all]')) {
    button.addEventListener('click', () => {
      for (const input of document.querySelectorAll(`#nc-differences input[value="${button.dataset.all}"]`)) input.checked = true;
    });
  }
  for (const name of ['keydown', 'pointerdown']) document.addEventListener(name, stayAwake, true);
  addEventListener('beforeunload', (event) => countUnkept > 0 && event.preventDefault());
  addEventListener('offline', showNet);
  addEventListener('online', async () => {
    showNet();
    // What was said to be sent goes by itself; what is only here is offered.
    const queued = records.filter(({ state }) => state === 'queued');
    if (queued.length > 0 && !$('nc-list').hidden) await sendAll(queued);
  });
}

async function main() {
  if (!(window.isSecureContext && window.indexedDB && crypto.subtle && navigator.locks)) return;
  $('nc-needs-script').hidden = true;
  // Two tabs would write over each other: one at a time.
  await navigator.locks.request(LOCK, { ifAvailable: true }, async (lock) => {
    if (!lock) return problem('elsewhere');
    listen();
    showNet();
    await start();
    return new Promise(() => {});
  });
}

await main();
