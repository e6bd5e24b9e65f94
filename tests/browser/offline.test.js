// A draft taken along on a device, filled in without network, and brought back.
//
// The browser reaches the portal through a wire that can be cut: what works then works without the portal.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { WIDTHS, faults, logIn, picture, startChromium, startDevice, startPortal, withPage as openPage } from './browser.js';

const PASSPHRASE = 'lampada sette vento corteccia';
const PERSONA = { code: 'RSSMRA85T50A562W', surname: 'Canarini', name: 'Serafina' };
const LABEL = 'giro di martedì mattina';

let portal;
let browser;
let ente;
let wire;

/** A wire between browser and portal: `{ url, cut, tellAgain, mend, restore, end }`. */
async function startWire(url) {
  const { hostname, port } = new URL(url);
  const sockets = new Set();
  let isCut = false;
  const server = createServer((near) => {
    if (isCut) return near.destroy();
    const far = connect(Number(port), hostname);
    for (const [socket, other] of [[near, far], [far, near]]) {
      sockets.add(socket);
      socket.on('error', () => {}).on('close', () => {
        sockets.delete(socket);
        other.destroy();
      }).pipe(other);
    }
    return undefined;
  });
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    cut: async (context) => {
      isCut = true;
      for (const socket of sockets) socket.destroy();
      await context.setOffline(true);
    },
    /** Chromium 148 forgets on the way to a page of a service worker that it was told. */
    tellAgain: async (context) => {
      await context.setOffline(false);
      await context.setOffline(true);
    },
    mend: async (context) => {
      isCut = false;
      await context.setOffline(false);
    },
    restore: () => { isCut = false; },
    end: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

before(async () => {
  portal = await startPortal();
  browser = await startChromium();
  wire = await startWire(portal.url);
  [, ente] = portal.enti;
  await switchOffline(true);
});

after(async () => {
  wire?.end();
  await browser?.close();
});

const withPage = (width, use) => openPage(browser, portal, width, use);

/** A device with a profile of its own: its page must not complain of a policy, whatever the network does. */
async function withDevice(use) {
  const profile = mkdtempSync(path.join(tmpdir(), 'noncello-device-'));
  const complaints = [];
  let context;
  const device = {
    profile,
    start: async () => {
      context = await startDevice(profile, wire.url);
      const page = context.pages()[0] ?? await context.newPage();
      const watch = (watched) => watched.on('console', (message) => {
        if (/Content Security Policy|Refused to/i.test(message.text())) complaints.push(message.text());
      }).on('pageerror', (error) => complaints.push(String(error)));
      watch(page);
      context.on('page', watch);
      return page;
    },
    end: () => context.close(),
  };
  try {
    await use(device);
    assert.deepEqual(complaints, []);
  } finally {
    wire.restore();
    await context?.close();
    rmSync(profile, { recursive: true, force: true });
  }
}

async function switchOffline(isOn) {
  await withPage(768, async (page) => {
    await logIn(page, portal, ente, 'amministratore');
    await page.goto('/impostazioni');
    await page.locator('#campo-offline').setChecked(isOn, { force: true });
    await page.getByRole('button', { name: 'Salva' }).click();
    await page.getByText('Le impostazioni sono salvate.').waitFor();
    for (const width of WIDTHS) {
      await page.setViewportSize({ width, height: 900 });
      await picture(page, `impostazioni-${width}`);
      assert.deepEqual(await faults(page), []);
    }
  });
}

const items = (page) => page.locator('fieldset.nc-item:visible');
const choose = (page, item, place) => items(page).nth(item).locator('label').nth(place).click();

/** A persona and a draft of ASSO of which the first item is answered; gives the draft's path. */
async function begin(page, { code, surname, name }) {
  await page.goto('/persone/nuova');
  if (code) {
    await page.getByLabel('Tipo di codice').selectOption('codice_fiscale');
    await page.getByLabel('Codice', { exact: true }).fill(code);
  }
  await page.getByLabel(/^Cognome/).fill(surname);
  await page.getByLabel(/^Nome \(/).fill(name);
  await page.getByRole('button', { name: 'Salva', exact: true }).click();
  await page.getByRole('button', { name: 'Comincia ASSO' }).click();
  await choose(page, 0, 1);
  return new URL(page.url()).pathname.split('/parte/')[0];
}

async function take(page, label) {
  await page.getByRole('button', { name: 'Porta con me senza rete' }).click();
  await page.getByLabel('Come chiamarla sul dispositivo').fill(label);
  await page.getByLabel('Frase segreta', { exact: true }).fill(PASSPHRASE);
  await page.getByLabel('Frase segreta, di nuovo').fill(PASSPHRASE);
  await page.getByRole('button', { name: 'Porta con me senza rete' }).click();
  await page.locator('#nc-done').waitFor();
}

async function unlock(page, passphrase = PASSPHRASE) {
  await page.getByLabel('Frase segreta').fill(passphrase);
  await page.getByRole('button', { name: 'Apri', exact: true }).click();
}

const draftRow = (page, label) => page.locator('.nc-draft', { hasText: label });
const isInState = (page, label, text) => draftRow(page, label).locator('.nc-badge', { hasText: text }).waitFor();

/** Everything that the page's origin keeps, as one text of bytes. */
async function kept(page) {
  return page.evaluate(async () => {
    const found = [];
    const bytes = (buffer) => [...new Uint8Array(buffer)].map((byte) => String.fromCharCode(byte)).join('');
    const flat = (value) => {
      if (value instanceof ArrayBuffer) found.push(bytes(value));
      else if (ArrayBuffer.isView(value)) found.push(bytes(value.buffer));
      else if (value && typeof value === 'object') Object.entries(value).forEach((pair) => pair.forEach(flat));
      else found.push(String(value));
    };
    let count = 0;
    for (const { name } of await indexedDB.databases()) {
      const open = await new Promise((resolve) => { const asked = indexedDB.open(name); asked.onsuccess = () => resolve(asked.result); });
      for (const store of open.objectStoreNames) {
        const rows = await new Promise((resolve) => { const asked = open.transaction(store).objectStore(store).getAll(); asked.onsuccess = () => resolve(asked.result); });
        count += rows.length;
        rows.forEach(flat);
      }
      open.close();
    }
    for (const name of await caches.keys()) {
      const cache = await caches.open(name);
      for (const request of await cache.keys()) {
        found.push(request.url);
        found.push(bytes(await (await cache.match(request)).arrayBuffer()));
      }
    }
    for (const storage of [localStorage, sessionStorage]) flat({ ...storage });
    return { count, text: found.join('\n') };
  });
}

/** A secret in the encodings in which it could lie about. */
function encodings(secret) {
  const forms = [Buffer.from(secret, 'utf8'), Buffer.from(secret, 'utf16le'), Buffer.from(Buffer.from(secret).toString('base64').replace(/=+$/, '').slice(0, -1))];
  if (/^[0-9a-f-]{36}$/.test(secret)) forms.push(Buffer.from(secret.replaceAll('-', '')), Buffer.from(secret.replaceAll('-', ''), 'hex'));
  return forms;
}

/** Files of a folder that hold a secret, by path. */
function filesWith(folder, secrets) {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const found = [];
  for (const file of files) {
    const name = path.join(file.parentPath, file.name);
    const bytes = readFileSync(name);
    for (const secret of secrets) if (encodings(secret).some((form) => bytes.includes(form))) found.push(`${path.relative(folder, name)}: ${secret}`);
  }
  return { count: files.length, found };
}

/** What a profile keeps of a site for itself; the rest (history, with the addresses of drafts) is the browser's. */
const OF_A_SITE = /(^|\/)(IndexedDB|Service Worker|CacheStorage|Cache|Code Cache|Local Storage|Session Storage|File System|WebStorage|blob_storage)\//;

test('a draft is taken along, filled in without network and with the browser started again, and sent', () => withDevice(async (device) => {
  let page = await device.start();
  await logIn(page, portal, ente, 'operatore1');
  const draft = await begin(page, PERSONA);
  await page.getByRole('button', { name: 'Porta con me senza rete' }).click();
  await page.locator('#nc-take').waitFor();
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: 900 });
    await picture(page, `porta-con-me-${width}`);
    assert.deepEqual(await faults(page), []);
  }
  // A phrase that is too simple, then two that differ: nothing is copied.
  for (const [first, second, said] of [['aaaaaaaaaaaa', 'aaaaaaaaaaaa', 'troppo semplice'], [PASSPHRASE, `${PASSPHRASE}x`, 'non sono uguali']]) {
    await page.getByLabel('Frase segreta', { exact: true }).fill(first);
    await page.getByLabel('Frase segreta, di nuovo').fill(second);
    await page.getByRole('button', { name: 'Porta con me senza rete' }).click();
    await page.locator('#nc-problem', { hasText: said }).waitFor();
  }
  await page.goto(draft);
  await take(page, LABEL);
  await page.goto('/scrivania');
  await page.locator('#nc-local', { hasText: 'Bozze su questo dispositivo, da inviare o da scartare: 1.' }).waitFor();
  assert.deepEqual(await faults(page), []);
  // Leaving the portal leaves the draft on the device.
  await page.getByRole('button', { name: 'Esci' }).click();
  await page.waitForURL('**/accesso**');
  await device.end();

  page = await device.start();
  await wire.cut(page.context());
  await page.goto('/fuori-rete');
  await wire.tellAgain(page.context());
  await page.getByText('La rete non c\'è').waitFor();
  await page.reload();
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: 900 });
    await picture(page, `fuori-rete-chiusa-${width}`);
    assert.deepEqual(await faults(page), []);
  }
  await unlock(page, 'lampada sette vento cortecce');
  await page.locator('#nc-problem', { hasText: 'Questa frase non apre' }).waitFor();
  const began = Date.now();
  await unlock(page);
  await isInState(page, LABEL, 'solo qui');
  console.log(`# opening one record takes ${Date.now() - began} ms`);
  assert.match(await draftRow(page, LABEL).innerText(), /risposte 1 su 25/);
  await draftRow(page, LABEL).getByRole('button', { name: 'Compila' }).click();
  await items(page).first().locator('input:checked').focus();
  let pressed = 0;
  for (let item = 0; item < 25; item += 1, pressed += 1) await page.keyboard.press(String(1 + (item % 3)));
  console.log(`# ${pressed} keys for 25 items without network`);
  await page.locator('#nc-state', { hasText: 'Risposte: 25 su 25' }).waitFor();
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: 900 });
    await picture(page, `fuori-rete-compila-${width}`);
    assert.deepEqual(await faults(page), []);
  }
  const optionText = await items(page).nth(3).locator('label').first().evaluate((label) => label.firstChild.textContent);
  const itemText = (await items(page).nth(3).locator('legend').innerText()).replace(/^\d+\. /, '');

  // What lies on the device: nothing that says who, what, or which.
  const secrets = [PERSONA.surname, PERSONA.name, PERSONA.code, draft.split('/').pop(), LABEL, optionText, itemText, 'fascia_eta', PASSPHRASE];
  const { count, text } = await kept(page);
  assert.equal(count, 2, 'a vault and a record');
  const bytes = Buffer.from(text, 'latin1');
  for (const secret of secrets) assert.ok(!encodings(secret).some((form) => bytes.includes(form)) && !text.includes(secret), `${secret} is kept in clear`);
  await device.end();
  const { count: countFiles, found } = filesWith(device.profile, secrets);
  const ofTheSite = found.filter((hit) => OF_A_SITE.test(hit));
  console.log(`# ${countFiles} files of the profile searched; by the browser itself: ${JSON.stringify(found.filter((hit) => !OF_A_SITE.test(hit)))}`);
  assert.ok(countFiles > 20);
  assert.deepEqual(ofTheSite, []);

  // Started again, still without network: every answer is there.
  page = await device.start();
  await wire.cut(page.context());
  await page.goto('/fuori-rete');
  await wire.tellAgain(page.context());
  await unlock(page);
  assert.match(await draftRow(page, LABEL).innerText(), /risposte 25 su 25/);
  await draftRow(page, LABEL).getByRole('button', { name: 'Invia', exact: true }).click();
  await isInState(page, LABEL, 'da inviare');
  await draftRow(page, LABEL).getByText('Il portale non risponde').waitFor();

  // The network is back: what was to be sent goes by itself, and waits for a login.
  await wire.mend(page.context());
  await page.locator('#nc-login').waitFor();
  await isInState(page, LABEL, 'da inviare');
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: 900 });
    await picture(page, `fuori-rete-elenco-${width}`);
    assert.deepEqual(await faults(page), []);
  }
  const other = await page.context().newPage();
  await logIn(other, portal, ente, 'operatore1');
  await draftRow(page, LABEL).getByRole('button', { name: 'Invia', exact: true }).click();
  await isInState(page, LABEL, 'inviata');
  await picture(page, 'fuori-rete-inviata');
  assert.equal((await kept(page)).count, 0, 'what the portal has leaves the device');
  await other.goto(`${draft}/riepilogo`);
  await other.getByText('Risposte: 25 su 25').waitFor();
}));

test('what changed on both sides is shown side by side, and the operator chooses', () => withDevice(async (device) => {
  const page = await device.start();
  await logIn(page, portal, ente, 'operatore2');
  const draft = await begin(page, { surname: 'Bivio', name: 'Prova' });
  await take(page, 'bivio');
  await page.goto('/fuori-rete');
  await unlock(page);
  await draftRow(page, 'bivio').getByRole('button', { name: 'Compila' }).click();
  await wire.cut(page.context());
  await choose(page, 0, 3);
  await choose(page, 1, 2);
  await page.locator('#nc-state', { hasText: 'Conservato su questo dispositivo' }).waitFor();
  await page.getByRole('button', { name: "Torna all'elenco" }).click();
  await wire.mend(page.context());
  await page.locator('#nc-back').waitFor();
  const other = await page.context().newPage();
  await other.goto(draft);
  const second = other.url();
  await other.goto(second.replace(/parte\/.*/, 'riepilogo'));
  await other.locator('.nc-steps a').first().click();
  await choose(other, 0, 0);
  await other.locator('#nc-state', { hasText: /^Salvato alle/ }).waitFor();
  await page.bringToFront();
  await page.getByRole('button', { name: 'Invia le bozze compilate' }).click();
  await isInState(page, 'bivio', 'in conflitto');
  await page.getByRole('button', { name: 'Confronta e scegli' }).click();
  assert.equal(await items(page).count(), 2);
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: 900 });
    await picture(page, `fuori-rete-conflitto-${width}`);
    assert.deepEqual(await faults(page), []);
  }
  await page.getByRole('button', { name: 'Salva la scelta e invia' }).click();
  await page.locator('#nc-problem', { hasText: 'Per ogni differenza' }).waitFor();
  await page.getByRole('button', { name: 'Tieni tutto quello del dispositivo' }).click();
  await items(page).first().locator('label').nth(1).click();
  await page.getByRole('button', { name: 'Salva la scelta e invia' }).click();
  await isInState(page, 'bivio', 'inviata');
  await other.reload();
  assert.ok(await items(other).first().locator('input').nth(0).isChecked(), "the portal's answer was kept");
  await other.goto(second);
  assert.ok(await items(other).first().locator('input').nth(2).isChecked(), "the device's answer was kept");
}));

test('a forgotten passphrase: the drafts of the device can only be thrown away, when one says so', () => withDevice(async (device) => {
  const page = await device.start();
  await logIn(page, portal, ente, 'operatore3');
  await begin(page, { surname: 'Dimenticata', name: 'Prova' });
  await take(page, 'dimenticata');
  await page.goto('/fuori-rete');
  const elsewhere = await page.context().newPage();
  await elsewhere.goto('/fuori-rete');
  await elsewhere.getByText('è già aperta in un\'altra scheda').waitFor();
  await elsewhere.close();
  await unlock(page, 'non è questa la frase');
  await page.locator('#nc-problem', { hasText: 'non apre' }).waitFor();
  await page.getByText('Ho dimenticato la frase').click();
  assert.deepEqual(await faults(page), []);
  await picture(page, 'fuori-rete-dimenticata');
  await page.getByRole('button', { name: 'Butta via le bozze' }).click();
  await page.locator('#nc-problem', { hasText: 'confermare' }).waitFor();
  assert.equal((await kept(page)).count, 2);
  await page.locator('label[for="campo-sure"]').click();
  await page.getByRole('button', { name: 'Butta via le bozze' }).click();
  await page.getByText('non ci sono più').waitFor();
  assert.equal((await kept(page)).count, 0);
  assert.deepEqual(await faults(page), []);
}));

test('where the Ente has switched it off, the portal does not offer it', async () => {
  await switchOffline(false);
  await withPage(768, async (page) => {
    await logIn(page, portal, ente, 'operatore1');
    const draft = await begin(page, { surname: 'Spento', name: 'Prova' });
    assert.equal(await page.getByRole('button', { name: 'Porta con me senza rete' }).count(), 0);
    await page.locator('#nc-state', { hasText: /^Salvato alle/ }).waitFor();
    assert.equal((await page.goto(`${draft}/fuori-rete`)).status(), 404);
  });
});
