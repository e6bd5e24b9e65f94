// Asks an authenticator (the device, a phone, a security key) for a passkey, and sends its answer with the form. The form says
// in `data-passkey` whether one is made or given.

import { send, wordsOf } from './page.js';

const form = document.getElementById('nc-passkey');
const word = wordsOf('nc-words');
const problem = document.getElementById('nc-problem');
const state = document.getElementById('nc-state');

const ways = {
  create: (json) => navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(json.publicKey) }),
  get: (json) => navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(json.publicKey) }),
};

function say(name) {
  state.textContent = '';
  problem.textContent = word(name);
  problem.hidden = false;
}

/** Why an authenticator gave nothing: whoever closed its window, or waited too long, is told no more than that. */
const reason = (error) => (error.name === 'InvalidStateError' ? 'there' : error.name === 'NotAllowedError' || error.name === 'AbortError' ? 'left' : 'failed');

form.addEventListener('submit', async (event) => {
  if (form.elements.answer.value) return;
  event.preventDefault();
  problem.hidden = true;
  state.textContent = word('working');
  const button = form.querySelector('button');
  button.disabled = true;
  try {
    const { kind, body } = await send(form.dataset.challenge, [], { csrf: form.elements.csrf.value });
    if (kind !== 'done') return say(kind === 'session' || kind === 'offline' ? kind : 'failed');
    const credential = await ways[form.dataset.passkey](body);
    form.elements.answer.value = JSON.stringify(credential);
    form.submit();
  } catch (error) {
    say(reason(error));
  } finally {
    button.disabled = false;
  }
});

if (window.PublicKeyCredential?.parseCreationOptionsFromJSON && window.PublicKeyCredential?.parseRequestOptionsFromJSON) {
  form.hidden = false;
  document.getElementById('nc-needs-script').hidden = true;
}
