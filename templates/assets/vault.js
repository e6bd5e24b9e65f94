// Drafts on a device: sealed under a passphrase, in the browser's database.
//
// What is in clear there: random ids, the salt and the number of iterations, and the state of each record. Everything else (which
// draft, whose words, which strumento, the answers, the label) is inside a ciphertext whose length says nothing. The key cannot be
// taken out of the browser's memory and is gone with the page.

/** Above the 600,000 that OWASP asks of PBKDF2 with SHA-256. */
const ITERATIONS = 1_000_000;
/** Plaintexts are filled up to a multiple of this. */
const BLOCK_BYTES = 16_384;
const NAME = 'noncello';
const STORES = ['vaults', 'records'];

const done = (request) => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});

async function database() {
  const opening = indexedDB.open(NAME, 1);
  opening.onupgradeneeded = () => STORES.forEach((name) => opening.result.createObjectStore(name, { keyPath: 'id' }));
  return done(opening);
}

/** Runs `use` on the stores and waits until what it wrote is on the disk. */
async function transaction(mode, use) {
  const open = await database();
  try {
    const running = open.transaction(STORES, mode, { durability: 'strict' });
    const ended = new Promise((resolve, reject) => {
      running.oncomplete = resolve;
      running.onabort = () => reject(running.error ?? new DOMException('aborted', 'AbortError'));
    });
    const result = await use(...STORES.map((name) => running.objectStore(name)));
    await ended;
    return result;
  } finally {
    open.close();
  }
}

/** How many records there are, without making a database where there is none. */
export async function count() {
  const known = await indexedDB.databases?.();
  if (known && !known.some(({ name }) => name === NAME)) return 0;
  return transaction('readonly', (_, records) => done(records.count()));
}

const random = (length) => crypto.getRandomValues(new Uint8Array(length));

async function keyOf(passphrase, { salt, iterations }) {
  const material = await crypto.subtle.importKey('raw', new TextEncoder().encode(passphrase.normalize('NFKC')), 'PBKDF2', false, ['deriveKey']);
  const how = { name: 'PBKDF2', hash: 'SHA-256', salt, iterations };
  return crypto.subtle.deriveKey(how, material, { name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt']);
}

/** Ties a ciphertext to its place: one that is moved to another record does not open. */
const place = (vault, id) => new TextEncoder().encode(`noncello offline 1|${vault}|${id}`);

async function seal(key, { id, vault, value }) {
  const bytes = new TextEncoder().encode(JSON.stringify(value));
  const filled = new Uint8Array(Math.ceil(bytes.length / BLOCK_BYTES) * BLOCK_BYTES).fill(0x20);
  filled.set(bytes);
  const iv = random(12);
  return { iv, data: await crypto.subtle.encrypt({ name: 'AES-GCM', iv, additionalData: place(vault, id) }, key, filled) };
}

async function unseal(key, { id, vault, iv, data }) {
  const bytes = await crypto.subtle.decrypt({ name: 'AES-GCM', iv, additionalData: place(vault, id) }, key, data);
  return JSON.parse(new TextDecoder().decode(bytes));
}

/**
 * What a passphrase opens: `{ keys, records, countClosed }`. Several people may share a device: what another passphrase closes is
 * counted and left alone.
 */
export async function open(passphrase) {
  const [vaults, sealed] = await transaction('readonly', (...stores) => Promise.all(stores.map((store) => done(store.getAll()))));
  const keys = new Map();
  const records = [];
  for (const vault of vaults) {
    const key = await keyOf(passphrase, vault);
    for (const one of sealed.filter((record) => record.vault === vault.id)) {
      try {
        records.push({ id: one.id, vault: one.vault, state: one.state, value: await unseal(key, one) });
        keys.set(vault.id, key);
      } catch {
        // Closed by another passphrase: AES-GCM says no more than that.
      }
    }
  }
  return { keys, records, countClosed: sealed.length - records.length };
}

/** Writes a record, whole. */
export async function put(key, record) {
  const row = { id: record.id, vault: record.vault, state: record.state, ...await seal(key, record) };
  await transaction('readwrite', (_, records) => done(records.put(row)));
}

/** A record in a vault of the passphrase, a new one where it opens none; read back before anybody is told that it is there. */
export async function add(passphrase, opened, value) {
  let [[vault, key] = []] = opened.keys;
  if (!vault) {
    vault = crypto.randomUUID();
    const made = { id: vault, salt: random(16), iterations: ITERATIONS };
    key = await keyOf(passphrase, made);
    await transaction('readwrite', (vaults) => done(vaults.put(made)));
  }
  const record = { id: crypto.randomUUID(), vault, state: 'here', value };
  await put(key, record);
  const back = await transaction('readonly', (_, records) => done(records.get(record.id)));
  if (JSON.stringify(await unseal(key, back)) !== JSON.stringify(value)) throw new Error('not read back');
}

/** Takes a record away, and its vault with the last one. */
export async function remove({ id, vault }) {
  await transaction('readwrite', async (vaults, records) => {
    await done(records.delete(id));
    const left = await done(records.getAll());
    if (!left.some((record) => record.vault === vault)) await done(vaults.delete(vault));
  });
}

/** Takes everything away. */
export async function clear() {
  await transaction('readwrite', (vaults, records) => Promise.all([done(vaults.clear()), done(records.clear())]));
}
