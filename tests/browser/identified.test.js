// Extractions with names: from the right, given by name, to a file and to who has seen the persona.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { WIDTHS, faults, logIn, picture, startChromium, startPortal, statusOf, tick, withPage as openPage } from './browser.js';

let portal;
let browser;
let ente;

before(async () => {
  portal = await startPortal();
  browser = await startChromium();
  [, , , ente] = portal.enti;
});

after(() => browser?.close());

const withPage = (width, use, options) => openPage(browser, portal, width, use, options);

/** Fills the form and asks; the page of the extraction, once it is ready. */
async function extract(page, format) {
  await page.getByRole('link', { name: 'Nuova estrazione con nomi' }).click();
  await page.getByLabel('Strumento').selectOption('asso');
  const years = page.getByLabel("Dall'anno");
  await years.selectOption({ index: (await years.locator('option').count()) - 1 });
  for (const table of [/^Persone:/, /^Questionari:/, /^Risposte:/, /^Azioni/]) await tick(page.getByLabel(table));
  await page.getByLabel('Formato').selectOption(format);
  await page.getByLabel(/^Motivo/).fill('Verifica dei fascicoli');
  await tick(page.getByLabel(/^Uso questi dati/));
  await page.getByRole('button', { name: "Chiedi l'estrazione" }).click();
  for (let tries = 0; tries < 400; tries += 1) {
    if (await page.getByRole('heading', { level: 1, name: 'Estrazione con nomi pronta' }).count()) return page.url();
    await page.getByRole('link', { name: 'Aggiorna la pagina' }).click();
  }
  throw new Error('the extraction is never ready');
}

test('an operator with the right takes names out, without JavaScript, and it is known whose', async () => {
  await withPage(1440, async (page) => {
    await logIn(page, portal, ente, 'amministratore');
    await page.goto('/operatori?cerca=operatore1');
    await page.locator('main tbody').getByRole('link').first().click();
    await tick(page.getByLabel("estrae i dati dell'Ente con nomi e codici"));
    await page.getByRole('button', { name: 'Salva' }).click();
    await page.getByText("L'account è stato modificato.").waitFor();
  });
  await withPage(768, async (page) => {
    await logIn(page, portal, ente, 'operatore1');
    await page.getByRole('navigation', { name: 'Principale' }).getByRole('link', { name: 'Estrazioni con nomi' }).click();
    await page.getByText('Nessuna estrazione').waitFor();
    for (const format of ['xlsx', 'csv']) {
      await extract(page, format);
      assert.ok(await page.getByText(/persone: \d/).count(), 'the page says how many rows there are');
      const waiting = page.waitForEvent('download');
      await page.getByRole('link', { name: /^Scarica il file/ }).click();
      const download = await waiting;
      assert.match(download.suggestedFilename(), /^estrazione-con-nomi-asso-\d{4}-\d{4}-[0-9a-f]{8}\.(zip|xlsx)$/);
      const bytes = readFileSync(await download.path());
      assert.equal(bytes.subarray(0, 2).toString(), 'PK');
      assert.ok(bytes.length > 20_000, `${bytes.length} bytes`);
      await page.getByRole('link', { name: 'Tutte le estrazioni con nomi' }).click();
    }
    assert.equal(await page.locator('main tbody tr').count(), 2);
    // From the list of one's own questionnaires: of this operator alone.
    await page.goto('/questionari?strumento=asso');
    await page.getByRole('link', { name: 'Estrarre in un file, con i nomi' }).click();
    await page.getByText(/^Soltanto i questionari validati da/).waitFor();
    await tick(page.getByLabel(/^Persone:/));
    await page.getByLabel(/^Motivo/).fill('Verifica dei miei fascicoli');
    await page.getByLabel('Livello raggiunto').selectOption(await page.locator('#campo-livello optgroup').last().locator('option').first().getAttribute('value'));
    await tick(page.getByLabel(/^Uso questi dati/));
    await page.getByRole('button', { name: "Chiedi l'estrazione" }).click();
    await page.getByText('Il livello non è dello strumento scelto.').first().waitFor();
    await page.getByLabel('Livello raggiunto').selectOption('');
    await tick(page.getByLabel(/^Uso questi dati/));
    await page.getByRole('button', { name: "Chiedi l'estrazione" }).click();
    for (let tries = 0; tries < 400 && !(await page.getByRole('link', { name: /^Scarica il file/ }).count()); tries += 1) await page.reload();
    assert.match(await page.locator('main').innerText(), /Soltanto i questionari di\s+Operatore 1/);
    await page.getByRole('button', { name: 'Elimina adesso' }).click();
  }, { javaScriptEnabled: false });
  for (const width of WIDTHS) {
    await withPage(width, async (page) => {
      await logIn(page, portal, ente, 'operatore1');
      await page.goto('/estrazioni-con-nomi');
      await picture(page, `con-nomi-${width}`);
      assert.deepEqual(await faults(page), []);
      await page.locator('main tbody').getByRole('link').first().click();
      await picture(page, `con-nomi-una-${width}`);
      assert.deepEqual(await faults(page), []);
      await page.goto('/questionari');
      await picture(page, `con-nomi-da-qui-${width}`);
      assert.deepEqual(await faults(page), []);
      await page.getByRole('link', { name: 'Estrarre in un file, con i nomi' }).click();
      await page.getByLabel(/^Motivo/).fill('x');
      await page.getByRole('button', { name: "Chiedi l'estrazione" }).click();
      await page.getByText('Niente è stato estratto.').waitFor();
      await picture(page, `con-nomi-errori-${width}`);
      assert.deepEqual(await faults(page), []);
    });
  }
  await withPage(1440, async (page) => {
    await logIn(page, portal, ente, 'amministratore');
    assert.equal(await statusOf(page, '/estrazioni-con-nomi'), 403, 'who gives the right does not have it');
    await page.goto('/registro?azione=identified_extraction');
    const lines = await page.locator('main table').innerText();
    for (const act of ['request', 'persone', 'ready', 'download']) assert.ok(lines.includes(`identified_extraction.${act}`), `${act} in ${lines}`);
  });
});

test('what need not be kept and the sheets of the Ente', async () => {
  for (const width of WIDTHS) {
    await withPage(width, async (page) => {
      await logIn(page, portal, ente, 'amministratore');
      await page.goto('/impostazioni');
      await page.getByLabel(/^Mesi dopo l'ultima/).fill('1');
      await page.getByRole('button', { name: 'Salva' }).click();
      await page.getByText('Le impostazioni sono salvate.').waitFor();
      await picture(page, `impostazioni-${width}`);
      assert.deepEqual(await faults(page), []);
      await page.getByRole('link', { name: 'Chi ha superato il termine' }).click();
      await page.getByRole('heading', { level: 1, name: 'Conservazione' }).waitFor();
      await picture(page, `conservazione-${width}`);
      assert.deepEqual(await faults(page), []);
    });
  }
  await withPage(1440, async (page) => {
    await logIn(page, portal, ente, 'amministratore');
    await page.goto('/impostazioni');
    for (const name of [/^Scheda per il registro/, /^Scheda di partenza/, /^Dizionario dei dati/]) {
      const waiting = page.waitForEvent('download');
      await page.getByRole('link', { name }).click();
      const bytes = readFileSync(await (await waiting).path());
      assert.equal(bytes.subarray(0, 8).toString(), '%PDF-1.7', String(name));
    }
  });
});
