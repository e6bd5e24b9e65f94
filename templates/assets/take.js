// Takes a draft along: sealed under a passphrase into the browser's database, with the page that opens it without network.

import { read, wordsOf } from './page.js';
import { add, open } from './vault.js';

const LENGTH_MIN = 10;
const DIFFERENT_MIN = 5;

const form = document.getElementById('nc-take');
const word = wordsOf('nc-words');
const problem = document.getElementById('nc-problem');
const state = document.getElementById('nc-state');
const { label, passphrase, again } = form.elements;

function refuse(name, input) {
  problem.textContent = word(name);
  problem.hidden = false;
  state.textContent = '';
  input?.setAttribute('aria-invalid', 'true');
  input?.focus();
}

function wrong() {
  const typed = passphrase.value.normalize('NFKC');
  if ([...typed].length < LENGTH_MIN || new Set(typed).size < DIFFERENT_MIN) return ['short', passphrase];
  if (typed !== again.value.normalize('NFKC')) return ['differ', again];
  if (!label.value.trim()) return ['label', label];
  return null;
}

/** The worker that keeps the page, once it has kept it. */
async function worker() {
  const registration = await navigator.serviceWorker.register('/sw.js', { scope: '/fuori-rete', updateViaCache: 'none' });
  if (registration.active) return;
  const coming = registration.installing ?? registration.waiting;
  await new Promise((resolve, reject) => {
    coming.addEventListener('statechange', () => {
      if (coming.state === 'activated') resolve();
      if (coming.state === 'redundant') reject(new Error('the worker could not be installed'));
    });
  });
}

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  problem.hidden = true;
  for (const input of [label, passphrase, again]) input.removeAttribute('aria-invalid');
  const found = wrong();
  if (found) return refuse(...found);
  const button = form.querySelector('button');
  button.disabled = true;
  state.textContent = word('working');
  try {
    await worker();
    const { kind, body } = await read(form.dataset.from);
    if (kind !== 'done') return refuse(kind === 'session' || kind === 'offline' || kind === 'missing' ? kind : 'failed');
    const opened = await open(passphrase.value);
    if (opened.records.some(({ value }) => value.draft === body.draft)) return refuse('there');
    await add(passphrase.value, opened, { ...body, label: label.value.trim(), changed: false });
    // A browser that is short of space may throw away what is not kept for good; asking costs nothing.
    await navigator.storage?.persist?.();
    form.hidden = true;
    document.getElementById('nc-done').hidden = false;
    document.getElementById('nc-done').focus();
    state.textContent = word('done');
  } catch {
    refuse('failed');
  } finally {
    button.disabled = false;
  }
});

if (window.isSecureContext && navigator.serviceWorker && window.indexedDB && crypto.subtle) {
  form.hidden = false;
  document.getElementById('nc-needs-script').hidden = true;
}
