// Tables imported from a page: who gets there, and the way from the template to the questionnaires.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { WIDTHS, faults, logIn, picture, startChromium, startPortal, statusOf, withPage as openPage } from './browser.js';

let portal;
let browser;
let ente;

before(async () => {
  portal = await startPortal();
  browser = await startChromium();
  [, , ente] = portal.enti;
});

after(() => browser?.close());

const withPage = (width, use, options) => openPage(browser, portal, width, use, options);

const ADDRESSES = ['/importazioni', '/importazioni/nuova', '/importazioni/modelli/asso', '/importazioni/modelli/asso/modello.csv',
  '/importazioni/modelli/asso/modello.xlsx', '/importazioni/prove/00000000-0000-4000-8000-000000000001'];

for (const user of ['operatore1', 'dirigente', 'analista', 'piattaforma', 'ricerca']) {
  test(`${user} imports nothing`, () => withPage(768, async (page) => {
    await logIn(page, portal, ['piattaforma', 'ricerca'].includes(user) ? '' : ente, user);
    assert.equal(await page.getByRole('link', { name: 'Importazioni' }).count(), 0);
    for (const address of ADDRESSES) assert.equal(await statusOf(page, address), 403, address);
  }));
}

/** The first answer of each item of ASSO, in the order of the template's columns. */
function firstAnswers() {
  const definition = readFileSync(new URL('../../intake/instruments/asso/1.toml', import.meta.url), 'utf8');
  return definition.split('[[section.item]]').slice(1).map((item) => item.match(/value = (\d+)/)[1]);
}

/** Follows a link to a file; its bytes. */
async function save(page, name) {
  const waiting = page.waitForEvent('download');
  await page.getByRole('link', { name }).click();
  return readFileSync(await (await waiting).path());
}

/** Sends a table; the page that says what was found. */
async function send(page, name, text) {
  await page.goto('/importazioni/nuova');
  await page.getByLabel('Strumento').selectOption('asso');
  await page.getByLabel(/^Da dove viene la tabella/).fill('Archivio di prova');
  await page.getByLabel(/^File/).setInputFiles({ name, mimeType: 'text/csv', buffer: Buffer.from(text) });
  await page.getByRole('button', { name: 'Prova la tabella' }).click();
  await page.waitForURL('**/importazioni/prove/*');
  for (let tries = 0; tries < 100; tries += 1) {
    const again = page.getByRole('link', { name: 'Aggiorna la pagina' });
    if (await again.count() === 0) return;
    await again.click();
    await page.waitForLoadState();
  }
  throw new Error('the table is never tried');
}

test('an administrator imports a table, without JavaScript', async () => {
  let headings;
  await withPage(768, async (page) => {
    await logIn(page, portal, ente, 'amministratore');
    await page.getByRole('navigation', { name: 'Principale' }).getByRole('link', { name: 'Importazioni' }).click();
    await page.getByRole('link', { name: 'Modello per ASSO' }).click();
    assert.equal((await save(page, 'Scarica il modello (XLSX)')).subarray(0, 2).toString(), 'PK');
    headings = (await save(page, 'Scarica il modello (CSV)')).toString('utf8').replace('\uFEFF', '').trim().split(';');
  }, { javaScriptEnabled: false });
  const answers = firstAnswers();
  const persona = headings.slice(0, headings.length - answers.length);
  const row = (given) => [...persona.map((heading) => given[heading] ?? ''), ...answers].join(';');
  const table = (...rows) => [headings.join(';'), ...rows.map(row), ''].join('\r\n');
  const good = { codice_esterno: 'pagina-1', data_valutazione: '4/3/2025', cognome: 'Tabellini', nome: 'Prova', sesso: 'donna' };
  const wrong = { codice_esterno: 'pagina-2', data_valutazione: 'ieri', codice: 'RSSMRA85T10A562X', sesso: 'x' };

  for (const width of WIDTHS) {
    await withPage(width, async (page) => {
      await logIn(page, portal, ente, 'amministratore');
      await page.goto('/importazioni');
      await picture(page, `importazioni-${width}`);
      assert.deepEqual(await faults(page), []);
      await page.goto('/importazioni/modelli/asso');
      await picture(page, `importazione-modello-${width}`);
      assert.deepEqual(await faults(page), []);
      await page.goto('/importazioni/nuova');
      await picture(page, `importazione-nuova-${width}`);
      assert.deepEqual(await faults(page), []);
      // White space is nothing, and the file has to be chosen again.
      await page.getByLabel(/^Da dove viene la tabella/).fill(' ');
      await page.getByLabel(/^File/).setInputFiles({ name: 'vuota.csv', mimeType: 'text/csv', buffer: Buffer.from('') });
      await page.getByRole('button', { name: 'Prova la tabella' }).click();
      await page.getByText('Niente è stato importato.').waitFor();
      await picture(page, `importazione-da-correggere-${width}`);
      assert.deepEqual(await faults(page), []);
      await send(page, 'sbagliata.csv', table(good, wrong));
      await page.getByRole('heading', { level: 1, name: 'La tabella non si può importare' }).waitFor();
      assert.ok(!(await page.locator('main').innerText()).includes('RSSMRA'));
      await picture(page, `importazione-errori-${width}`);
      assert.deepEqual(await faults(page), []);
    });
  }

  await withPage(768, async (page) => {
    await logIn(page, portal, ente, 'amministratore');
    await send(page, 'buona.csv', table(good));
    await page.getByRole('heading', { level: 1, name: 'La tabella si può importare' }).waitFor();
    await picture(page, 'importazione-prova');
    assert.deepEqual(await faults(page), []);
    const box = page.locator('#campo-insolite');
    if (await box.count()) {
      await page.getByRole('button', { name: /^Importa/ }).click();
      await page.getByText('Confermare di aver guardato le righe insolite.').waitFor();
      assert.deepEqual(await faults(page), []);
      await page.locator('label[for="campo-insolite"]').click();
      assert.ok(await box.isChecked());
    }
    await page.getByRole('button', { name: /^Importa/ }).click();
    for (let tries = 0; tries < 100 && await page.getByRole('link', { name: 'Aggiorna la pagina' }).count(); tries += 1) {
      await page.getByRole('link', { name: 'Aggiorna la pagina' }).click();
      await page.waitForLoadState();
    }
    await page.getByRole('heading', { level: 1, name: 'Importazione fatta' }).waitFor();
    await picture(page, 'importazione-fatta');
    assert.deepEqual(await faults(page), []);
    await page.getByRole('link', { name: 'Tutte le importazioni' }).click();
    await page.getByText('Archivio di prova (').first().waitFor();
    await send(page, 'buona.csv', table(good));
    await page.getByRole('heading', { level: 1, name: "Non c'è niente da importare" }).waitFor();
    assert.deepEqual(await faults(page), []);
    await page.goto('/persone');
    await page.getByLabel(/^Codice fiscale, altro codice/).fill('Tabellini Prova');
    await page.getByRole('button', { name: 'Cerca' }).click();
    await page.getByRole('link', { name: 'Tabellini Prova' }).click();
    assert.match(await page.locator('main table').first().innerText(), /importato/);
  });
});
