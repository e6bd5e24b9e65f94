// What our scripts share: the words, which are in the page, and asking the portal.

/** The words of a page by name, from its `template`; `{name}` in them stands for a value. */
export function wordsOf(id) {
  const words = new Map();
  for (const one of document.getElementById(id).content.querySelectorAll('[data-word]')) words.set(one.dataset.word, one.textContent.trim());
  return (name, values = {}) => words.get(name).replaceAll(/\{(\w+)\}/g, (_, key) => values[key]);
}

/** An answer that does not come is no answer; what was sent may have arrived, and sending it again does no harm. */
const WAIT_MS = 20_000;

const KINDS = { 404: 'missing', 409: 'conflict', 422: 'invalid' };

/** Asks the portal: `{ kind, body }`, where a redirect means that nobody is logged in. */
async function ask(path, options) {
  let response;
  try {
    response = await fetch(path, { redirect: 'manual', credentials: 'same-origin', cache: 'no-store', signal: AbortSignal.timeout(WAIT_MS), ...options });
  } catch {
    return { kind: 'offline' };
  }
  if (response.type === 'opaqueredirect') return { kind: 'session' };
  const isJson = response.headers.get('content-type')?.startsWith('application/json');
  try {
    const body = isJson ? await response.json() : null;
    if (response.ok && body) return { kind: 'done', body };
    if (response.status === 403) return { kind: 'refused' };
    return { kind: KINDS[response.status] ?? 'failed', body };
  } catch {
    return { kind: 'offline' };
  }
}

/** Reads something of the portal's. */
export const read = (path) => ask(path, {});

/**
 * Sends a form with the session's token. A token that is refused may be an earlier session's: once somebody has logged in again
 * there is another, with which the form is sent once more.
 */
export async function send(path, fields, { csrf, keepalive = false }) {
  const sendWith = (token) => ask(path, { method: 'POST', keepalive, body: new URLSearchParams([...fields, ['csrf', token]]) });
  if (csrf) {
    const first = await sendWith(csrf);
    if (first.kind !== 'refused') return first;
  }
  const session = await read('/sessione.json');
  if (session.kind !== 'done') return session;
  if (session.body.csrf === csrf) return { kind: 'refused' };
  return { ...await sendWith(session.body.csrf), csrf: session.body.csrf };
}
