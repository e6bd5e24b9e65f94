// Extractions without names: who gets there, and the way from the right to the file.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { WIDTHS, faults, logIn, noncello, picture, startChromium, startPortal, statusOf, tick, withPage as openPage } from './browser.js';

let portal;
let browser;

before(async () => {
  portal = await startPortal();
  browser = await startChromium();
});

after(() => browser?.close());

const withPage = (width, use, options) => openPage(browser, portal, width, use, options);

const ADDRESSES = ['/estrazioni', '/estrazioni/nuova', '/estrazioni/00000000-0000-4000-8000-000000000001', '/estrazioni/00000000-0000-4000-8000-000000000001/scarica'];

for (const user of ['operatore1', 'amministratore', 'dirigente', 'analista', 'piattaforma', 'ricerca']) {
  test(`${user} does not take anything out without the right`, () => withPage(768, async (page) => {
    await logIn(page, portal, ['piattaforma', 'ricerca'].includes(user) ? '' : portal.enti[0], user);
    assert.equal(await page.getByRole('link', { name: 'Estrazioni' }).count(), 0);
    for (const address of ADDRESSES) assert.equal(await statusOf(page, address), 403, address);
  }));
}

test('who has not logged in does not take anything out', () => withPage(768, async (page) => {
  for (const address of ADDRESSES) {
    await page.goto(address);
    assert.equal(new URL(page.url()).pathname, '/accesso', address);
  }
}));

/** Fills the form and asks; the page of the extraction, once it is ready. */
async function extract(page, format) {
  await page.getByRole('link', { name: 'Nuova estrazione' }).click();
  await page.getByLabel('Strumento').selectOption({ index: 0 });
  await page.getByLabel("Dall'anno").selectOption({ index: 1 });
  await tick(page.getByLabel(/^Questionari:/));
  await tick(page.getByLabel(/^Risposte:/));
  await page.getByLabel('Formato').selectOption(format);
  await page.getByLabel(/^Motivo/).fill('Relazione annuale');
  await tick(page.getByLabel(/^Uso questi dati/));
  await page.getByRole('button', { name: "Chiedi l'estrazione" }).click();
  for (let tries = 0; tries < 200; tries += 1) {
    if (await page.getByRole('heading', { level: 1, name: 'Estrazione pronta' }).count()) return page.url();
    await page.getByRole('link', { name: 'Aggiorna la pagina' }).click();
  }
  throw new Error('the extraction is never ready');
}

test('an analyst with the right takes the data out, without JavaScript', async () => {
  const ente = portal.enti[1];
  await withPage(1440, async (page) => {
    await logIn(page, portal, ente, 'amministratore');
    await page.goto('/operatori');
    await page.getByRole('link', { name: 'Analista', exact: true }).click();
    await tick(page.getByLabel("estrae i dati dell'Ente senza nomi"));
    await page.getByRole('button', { name: 'Salva' }).click();
    await page.getByText("L'account è stato modificato.").waitFor();
  });
  const sql = "select count(*) as count from assessments where instrument = 'asso' and year(assessed_on) between 2000 and 2100";
  const [{ count }] = JSON.parse(noncello('warehouse', 'query', '--data', portal.data, '--ente', ente, '--format', 'json', sql));
  assert.ok(Number(count) > 10);
  let taken;
  await withPage(768, async (page) => {
    await logIn(page, portal, ente, 'analista');
    await page.getByRole('navigation', { name: 'Principale' }).getByRole('link', { name: 'Estrazioni' }).click();
    await page.getByText('Nessuna estrazione').waitFor();
    for (const format of ['csv', 'xlsx', 'parquet']) {
      taken = await extract(page, format);
      const waiting = page.waitForEvent('download');
      await page.getByRole('link', { name: /^Scarica il file/ }).click();
      const download = await waiting;
      const bytes = readFileSync(await download.path());
      assert.match(download.suggestedFilename(), /^estrazione-asso-\d{4}-\d{4}-[0-9a-f]{8}\.(zip|xlsx)$/);
      assert.equal(bytes.subarray(0, 2).toString(), 'PK');
      await page.getByRole('link', { name: 'Tutte le estrazioni' }).click();
    }
    assert.equal(await page.locator('main tbody tr').count(), 3);
    await page.goto(taken);
    await page.getByRole('button', { name: 'Elimina adesso' }).click();
    await page.waitForURL('**/estrazioni');
    assert.equal(await page.locator('main tbody tr').count(), 2);
    assert.equal(await statusOf(page, taken), 404);
    await page.getByRole('heading', { level: 1, name: 'Pagina non trovata' }).waitFor();
  }, { javaScriptEnabled: false });
  for (const width of WIDTHS) {
    await withPage(width, async (page) => {
      await logIn(page, portal, ente, 'analista');
      await page.goto('/estrazioni');
      await picture(page, `estrazioni-${width}`);
      assert.deepEqual(await faults(page), []);
      await page.locator('main tbody').getByRole('link').first().click();
      await picture(page, `estrazione-${width}`);
      assert.deepEqual(await faults(page), []);
      await page.goto('/estrazioni/nuova');
      await picture(page, `estrazione-nuova-${width}`);
      assert.deepEqual(await faults(page), []);
      await page.getByRole('button', { name: "Chiedi l'estrazione" }).click();
      await page.waitForLoadState();
      if (await page.getByText('Niente è stato estratto.').count() === 0) {
        // The browser itself asks for the reason first.
        await page.getByLabel(/^Motivo/).fill('x');
        await page.getByRole('button', { name: "Chiedi l'estrazione" }).click();
      }
      await page.getByText('Niente è stato estratto.').waitFor();
      await picture(page, `estrazione-errori-${width}`);
      assert.deepEqual(await faults(page), []);
    });
  }
  await withPage(1440, async (page) => {
    await logIn(page, portal, ente, 'amministratore');
    await page.goto('/registro?azione=extraction');
    const lines = await page.locator('main table').innerText();
    for (const act of ['request', 'ready', 'download', 'delete']) assert.ok(lines.includes(`extraction.${act}`), act);
    assert.ok(lines.includes('Relazione annuale') && lines.includes('answers_asso='));
  });
  await withPage(1440, async (page) => {
    await logIn(page, portal, portal.enti[0], 'amministratore');
    await page.goto('/registro?azione=extraction');
    await page.getByText('Nessuna riga.').waitFor();
  });
});
