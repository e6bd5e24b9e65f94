// The day of an operator, and what it comes to: from logging in to the manager's dashboard.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { WIDTHS, codeOf, faults, logIn, noncello, picture, startChromium, startPortal, statusOf, tick, withPage as openPage } from './browser.js';

let portal;
let browser;
let ente;

before(async () => {
  portal = await startPortal();
  browser = await startChromium();
  [ente] = portal.enti;
});

after(() => browser?.close());

/** As in browser.js, in this file's browser. */
const withPage = (width, use, options) => openPage(browser, portal, width, use, options);

/** Published assessments and the last event of the first Ente. */
function published() {
  const [{ count }] = JSON.parse(
    noncello('warehouse', 'query', '--data', portal.data, '--ente', ente, '--format', 'json', 'select count(*) as count from assessments'),
  );
  return Number(count);
}

/** Chooses a radio button or a checkbox as people do: the design system lays its label over it. */
async function choose(input) {
  await input.page().locator(`label[for="${await input.getAttribute('id')}"]`).click();
  assert.ok(await input.isChecked());
}

/** Follows a link to a paper and expects a PDF that has something in it. */
async function savesPaper(page, name, role = 'link') {
  const waiting = page.waitForEvent('download');
  await page.getByRole(role, { name }).click();
  const paper = readFileSync(await (await waiting).path());
  assert.equal(paper.subarray(0, 8).toString('latin1'), '%PDF-1.7');
  assert.ok(paper.length > 20_000, `${name} has ${paper.length} bytes`);
}

/** Opens a dashboard once its figures are protected: the server itself waits, so each try takes some seconds. */
async function openDashboard(page, address) {
  for (let tries = 0; tries < 60; tries += 1) {
    const status = await statusOf(page, address);
    if (status === 200) return;
    assert.equal(status, 503, address);
  }
  throw new Error(`${address} is never ready`);
}

/** Enters a persona whose codice fiscale says when and where she was born; her page is open afterwards. */
async function enterPersona(page, { code, surname, name }) {
  await page.goto('/persone/nuova');
  await page.getByLabel('Tipo di codice').selectOption('codice_fiscale');
  await page.getByLabel('Codice', { exact: true }).fill(code);
  await page.getByRole('button', { name: 'Leggi dal codice fiscale' }).click();
  await page.getByText('sono presi dal codice fiscale').waitFor();
  await page.getByLabel(/^Cognome/).fill(surname);
  await page.getByLabel(/^Nome \(/).fill(name);
  await page.getByLabel('Comune di residenza').selectOption({ index: 1 });
  await page.getByLabel('Titolo di studio più alto').selectOption('isced_2');
  await page.getByLabel('Cittadinanza').selectOption('it');
  await page.getByLabel('Con chi vive').selectOption('alone');
  await page.getByLabel('Condizione lavorativa').selectOption('unemployed_long');
  await choose(page.locator('#svantaggio-none'));
  await page.getByRole('button', { name: 'Salva', exact: true }).click();
  await page.getByRole('heading', { level: 1, name: `${surname} ${name}` }).waitFor();
}

/** Everybody here is between 35 and 49: with another answer ASSO cannot be validated. */
async function chooseAge(page) {
  const age = page.locator('#item-fascia_eta-3');
  if (await age.count()) await choose(age);
}

/** Answers every part with the arrow, Tab and Enter keys, at two keys an item, and comes to the summary. */
async function answerByKeyboard(page, title) {
  await page.getByRole('button', { name: `Comincia ${title}` }).click();
  let keys = 0;
  let items = 0;
  for (;;) {
    await page.getByRole('heading', { level: 2 }).first().waitFor();
    if (page.url().endsWith('/riepilogo')) break;
    const count = await page.locator('fieldset.nc-item').count();
    await page.locator('fieldset.nc-item input').first().focus();
    for (let item = 0; item < count; item += 1) {
      await page.keyboard.press('ArrowDown');
      keys += 1;
      if (item + 1 < count) {
        await page.keyboard.press('Tab');
        keys += 1;
      }
    }
    items += count;
    await chooseAge(page);
    const before = page.url();
    await page.keyboard.press('Enter');
    keys += 1;
    await page.waitForURL((url) => url.href !== before);
  }
  assert.ok(keys <= 2 * items, `${keys} keys for ${items} items`);
  return items;
}

async function validate(page) {
  await choose(page.getByLabel('Confermo il risultato', { exact: true }));
  await choose(page.locator('#campo-azioni input').first());
  const recheck = page.locator('#campo-recheck');
  if (await recheck.count()) await choose(recheck);
  await page.getByRole('button', { name: 'Valida', exact: true }).click();
  await page.getByText('Il questionario è validato.').waitFor();
}

test('an operator assesses with both strumenti, and the manager sees it after the pipeline has run', async () => {
  const before = published();
  await withPage(1440, async (page) => {
    await logIn(page, portal, ente, 'operatore1');
    await enterPersona(page, { code: 'RSSMRA85T50A562W', surname: 'Rossi', name: 'Mara' });
    const persona = page.url();
    for (const [title, count] of [['ASSO', 25], ['ISA', 50]]) {
      await page.goto(persona);
      assert.equal(await answerByKeyboard(page, title), count);
      await picture(page, `riepilogo-${title}`);
      assert.deepEqual(await faults(page), []);
      await validate(page);
      await picture(page, `validato-${title}`);
      assert.deepEqual(await faults(page), []);
      await page.emulateMedia({ media: 'print' });
      assert.equal(await page.locator('header nav').first().isVisible(), false);
      assert.equal(await page.locator('.nc-only-print', { hasText: 'dati sintetici' }).isVisible(), true);
      await page.emulateMedia({ media: 'screen' });
      for (const name of ['Relazione in PDF', 'In parole semplici, per la persona (PDF)']) await savesPaper(page, name);
    }
    await page.goto(persona);
    await page.getByRole('heading', { name: 'Visura storica' }).waitFor();
    await picture(page, 'visura');
    assert.deepEqual(await faults(page), []);
  });
  noncello('pipeline', 'run', '--data', portal.data);
  assert.equal(published(), before + 2);
  await withPage(1440, async (page) => {
    await logIn(page, portal, ente, 'dirigente');
    await openDashboard(page, '/cruscotti/territorio');
    await page.getByRole('heading', { level: 1, name: 'Territorio' }).waitFor();
  });
});

test('a questionnaire can be done without JavaScript', () => withPage(768, async (page) => {
  await logIn(page, portal, ente, 'operatore2');
  await enterPersona(page, { code: 'BNCLRA80A41G888J', surname: 'Bianchi', name: 'Lara' });
  await page.getByRole('button', { name: 'Comincia ASSO' }).click();
  for (;;) {
    await page.getByRole('heading', { level: 2 }).first().waitFor();
    if (page.url().endsWith('/riepilogo')) break;
    for (const item of await page.locator('fieldset.nc-item').all()) await choose(item.locator('input').nth(1));
    await chooseAge(page);
    const before = page.url();
    await page.getByRole('button', { name: 'Salva e continua' }).last().click();
    await page.waitForURL((url) => url.href !== before);
  }
  await validate(page);
}, { javaScriptEnabled: false }));

test('two windows on one draft get a clear conflict', () => withPage(1440, async (page) => {
  await logIn(page, portal, ente, 'operatore3');
  await page.goto('/persone/nuova');
  await page.getByLabel(/^Cognome/).fill('Verdi');
  await page.getByLabel(/^Nome \(/).fill('Prova');
  await page.getByRole('button', { name: 'Salva', exact: true }).click();
  await page.getByRole('button', { name: 'Comincia ASSO' }).click();
  const other = await page.context().newPage();
  await other.goto(page.url());
  for (const [window, option] of [[page, 1], [other, 2]]) {
    await choose(window.locator('fieldset.nc-item').first().locator('input').nth(option - 1));
    const before = window.url();
    await window.getByRole('button', { name: 'Salva e continua' }).last().click();
    await (window === page ? window.waitForURL((url) => url.href !== before) : window.locator('#conflitto').waitFor());
  }
  await other.locator('#conflitto', { hasText: "è stata cambiata in un'altra finestra" }).waitFor();
  assert.deepEqual(await faults(other), []);
}));

/** Looks at a page at every width. */
async function look(page, name) {
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: 900 });
    await picture(page, `${name}-${width}`);
    assert.deepEqual(await faults(page), [], name);
  }
}

/** Saves a part of a draft and waits for what comes after it. */
async function saves(page, name) {
  const before = page.url();
  await page.getByRole('button', { name }).last().click();
  await page.waitForURL((url) => url.href.split('#')[0] !== before.split('#')[0]);
}

test('a questionnaire is checked against the record, and the next one begins with it', () => withPage(1440, async (page) => {
  await logIn(page, portal, ente, 'operatore1');
  await enterPersona(page, { code: 'VRDLRA85T50A562R', surname: 'Verdi', name: 'Lara' });
  const persona = page.url();
  await answerByKeyboard(page, 'ASSO');
  const summary = page.url();
  await page.locator('.nc-steps a').first().click();
  await choose(page.locator('#item-fascia_eta-1'));
  await page.getByText('Note per il servizio su queste domande').click();
  await page.locator('textarea[name^="note."]').first().fill('Da chiedere alla sorella.');
  await look(page, 'questionario-note');
  await saves(page, 'Salva e continua');
  await page.goto(summary);
  await page.getByText('Risposte e scheda si contraddicono.').waitFor();
  await look(page, 'riepilogo-contraddizione');
  await choose(page.getByLabel('Confermo il risultato', { exact: true }));
  await page.getByRole('button', { name: 'Valida', exact: true }).click();
  await page.locator('#errori a[href="#campo-rules"]').waitFor();
  assert.deepEqual(await faults(page), []);
  await page.locator('#campo-rules a', { hasText: 'domanda 1' }).click();
  await choose(page.locator('#item-fascia_eta-3'));
  await saves(page, 'Salva e continua');
  await page.goto(summary);
  const azione = page.locator('#campo-azioni .nc-choice').first();
  await azione.getByLabel('Entro il').fill('31/12/2099');
  await azione.getByLabel('Chi la segue').fill("il Centro per l'impiego");
  await validate(page);
  await page.getByText("La segue: il Centro per l'impiego.").waitFor();
  await page.getByText('Da chiedere alla sorella.').waitFor();
  await look(page, 'relazione-note');
  await page.goto(persona);
  await page.getByRole('heading', { name: 'Azioni in corso' }).waitFor();
  await look(page, 'scheda-azioni');
  await page.getByRole('button', { name: /^Comincia ASSO dalle risposte del/ }).click();
  await page.getByText('Come prima').first().waitFor();
  // The second part: the first has the age alone.
  await page.locator('.nc-steps button').first().click();
  await page.getByRole('heading', { level: 2, name: 'Istruzione e formazione' }).waitFor();
  await choose(page.locator('fieldset.nc-item').first().locator('input').nth(2));
  await saves(page, 'Salva e chiudi');
  await page.goto(persona);
  await page.getByRole('link', { name: /^ASSO, risposte:/ }).click();
  await look(page, 'questionario-come-prima');
  const draft = /\/bozze\/[^/]+/.exec(page.url())[0];
  await page.goto(`${draft}/riepilogo`);
  await page.getByText('Che cosa è successo delle azioni concordate prima').waitFor();
  await page.locator('#campo-outcomes select').first().selectOption('completed');
  await look(page, 'riepilogo-esiti');
  await validate(page);
  await page.goto(persona);
  await page.getByRole('link', { name: /^Confronta due date/ }).click();
  await page.getByText('È cambiata una risposta.').waitFor();
  await look(page, 'confronto');
  await page.goto('/questionari/tutti?strumento=asso');
  await page.getByRole('link', { name: 'Verdi Lara' }).first().waitFor();
  await look(page, 'cerca-questionari');
}));

test('a wrong password says one thing only', () => withPage(768, async (page) => {
  await page.goto('/accesso');
  await page.getByLabel("Codice dell'Ente").fill(ente);
  await page.getByLabel(/Nome utente/).fill('nessuno');
  await page.getByLabel(/^Password/).fill('non è questa, davvero');
  await page.getByRole('button', { name: 'Entra' }).click();
  await page.getByText('Non è stato possibile entrare.').waitFor();
  assert.deepEqual(await faults(page), []);
}));

const PAGES = {
  operatore1: ['/dati', '/scrivania', '/persone', '/persone/nuova', '/persone/doppioni', '/questionari', '/questionari/tutti', '/account', '/account/chiavi', '/account/secondo-fattore', '/conferma'],
  amministratore: ['/dati', '/scrivania', '/operatori', '/operatori/nuovo', '/persone', '/registro', '/impostazioni', '/conservazione', '/importazioni', '/account'],
  dirigente: [
    '/dati',
    '/scrivania',
    '/cruscotti/quadro',
    '/cruscotti/territorio',
    '/cruscotti/territorio?misura=indice',
    '/cruscotti/territorio?misura=tasso-smussato&classi=uguali',
    '/cruscotti/comunita',
    '/cruscotti/comunita?caratteristica=disadvantage',
    '/cruscotti/bisogni',
    '/cruscotti/percorsi',
    '/cruscotti/quadro?sesso=f&eta=35_44',
    '/cruscotti/comunita?sesso=f',
    '/cruscotti/esplora',
    '/cruscotti/esplora?righe=eta&colonne=nucleo&esito=persone',
    '/cruscotti/qualita',
    '/cruscotti/relazioni',
    '/cruscotti/relazioni/nuova',
    '/cruscotti/viste?indirizzo=/cruscotti/quadro',
  ],
};

for (const [user, addresses] of Object.entries(PAGES)) {
  for (const width of WIDTHS) {
    test(`pages of ${user} at ${width} px`, () => withPage(width, async (page) => {
      await logIn(page, portal, ente, user);
      for (const address of addresses) {
        if (address.startsWith('/cruscotti')) await openDashboard(page, address);
        else assert.equal(await statusOf(page, address), 200, address);
        await picture(page, `${user}${address.replaceAll(/[^a-z]+/g, '-')}-${width}`);
        assert.deepEqual(await faults(page), [], address);
      }
    }));
  }
}

const OF_NO_ENTE = {
  piattaforma: ['/scrivania', '/enti', '/enti/nuovo', '/interessi', '/ricerca/ufficio', '/ricerca/ufficio/nuovo'],
  ricerca: ['/scrivania', '/ricerca/partner', '/ricerca/partner/nuovo', '/account/chiavi'],
  universita: ['/scrivania', '/account', '/account/chiavi'],
};

for (const [user, addresses] of Object.entries(OF_NO_ENTE)) {
  test(`pages of ${user}`, () => withPage(768, async (page) => {
    await logIn(page, portal, '', user);
    for (const address of addresses) {
      assert.equal(await statusOf(page, address), 200, address);
      await picture(page, `${user}${address.replaceAll('/', '-')}`);
      assert.deepEqual(await faults(page), [], address);
    }
  }));
}

test('cells of a heat map have the colours of its legend', () => withPage(1440, async (page) => {
  await logIn(page, portal, ente, 'dirigente');
  await openDashboard(page, '/cruscotti/bisogni');
  const ofCells = await page.locator('td[class*="nc-heat-"]:not(.nc-heat-0)').evaluateAll((cells) => cells.map((cell) => `${cell.className.match(/nc-heat-\d/)} ${getComputedStyle(cell).backgroundColor}`));
  const ofLegend = await page.locator('.nc-swatch [class*="nc-heat-"]').evaluateAll((keys) => keys.map((key) => `${key.getAttribute('class').match(/nc-heat-\d/)} ${getComputedStyle(key).fill}`));
  assert.ok(new Set(ofCells).size > 2, `${new Set(ofCells).size} colours`);
  assert.equal(new Set(ofLegend).size, 5);
  for (const one of new Set(ofCells)) assert.ok(ofLegend.includes(one), one);
}));

test('the CSV is what the page shows', () => withPage(1440, async (page) => {
  await logIn(page, portal, ente, 'dirigente');
  const pages = [
    ['/cruscotti/quadro', 'anni'], ['/cruscotti/territorio', 'comuni'], ['/cruscotti/comunita', 'categorie'], ['/cruscotti/bisogni', 'domande'], ['/cruscotti/percorsi', 'passaggi'],
    ['/cruscotti/quadro?sesso=f&eta=35_44', 'anni'], ['/cruscotti/esplora?righe=eta&colonne=anno&esito=persone', 'fasce'],
  ];
  for (const [address, region] of pages) {
    await openDashboard(page, address);
    const rows = await page.locator('table tbody tr:not(:has(th[scope="rowgroup"]))').evaluateAll((found) => found.map((row) => [...row.cells].map((cell) => cell.innerText.trim())));
    assert.ok(rows.length > 1, `${address} has no ${region}`);
    const waiting = page.waitForEvent('download');
    await page.getByRole('link', { name: /CSV/ }).first().click();
    const csv = readFileSync(await (await waiting).path(), 'utf8');
    const lines = csv.split('\r\n').map((line) => line.split(';').map((field) => field.replaceAll('"', '')).join('|'));
    for (const [heading, ...cells] of rows) {
      // On the page a comune has the number that it has on the map.
      const wanted = [heading.replace(/^\d+\s+/, ''), ...cells].join('|');
      assert.ok(lines.includes(wanted), `${wanted} is not in the CSV of ${address}`);
    }
  }
}));

const DASHBOARDS = [
  ...['quadro', 'territorio', 'comunita', 'bisogni', 'percorsi', 'esplora'].flatMap((page) => ['', '.csv', '.xlsx'].map((ending) => `/cruscotti/${page}${ending}`)),
  '/cruscotti/qualita',
  '/cruscotti/viste',
  '/cruscotti/relazioni',
  '/cruscotti/relazioni/nuova',
];

const WHO = {
  operatore1: ['/dati', '/persone', '/questionari'],
  amministratore: ['/dati', '/persone', '/operatori', '/operatori/nuovo', '/registro', '/impostazioni', '/conservazione', '/importazioni', '/importazioni/nuova'],
  dirigente: ['/dati', ...DASHBOARDS],
  analista: ['/dati', ...DASHBOARDS, '/interrogazioni'],
  piattaforma: ['/enti', '/interessi', '/ricerca/ufficio'],
  ricerca: ['/ricerca/partner'],
  universita: [],
};

for (const [user, allowed] of Object.entries(WHO)) {
  test(`${user} gets to what is theirs and to nothing else`, () => withPage(768, async (page) => {
    await logIn(page, portal, user in OF_NO_ENTE ? '' : ente, user);
    for (const address of new Set(Object.values(WHO).flat())) {
      if (allowed.includes(address)) continue;
      assert.equal(await statusOf(page, address), 403, `${user} at ${address}`);
    }
    const isFile = (address) => /\.(csv|xlsx)$/.test(address);
    for (const address of allowed.filter((address) => !isFile(address))) {
      assert.ok([200, 503].includes(await statusOf(page, address)), `${user} at ${address}`);
    }
    for (const address of allowed.filter(isFile)) {
      const response = await page.request.get(address);
      assert.ok([200, 503].includes(response.status()), `${user} at ${address}`);
      if (response.status() === 200) assert.match(response.headers()['content-type'], address.endsWith('.csv') ? /csv/ : /spreadsheetml/, address);
    }
  }));
}

test('a manager saves a view and shares it', () => withPage(1440, async (page) => {
  await logIn(page, portal, ente, 'dirigente');
  await openDashboard(page, '/cruscotti/quadro?sesso=f');
  await page.getByRole('button', { name: 'Salva questa vista' }).click();
  await page.getByLabel(/^Nome/).fill('Donne seguite');
  await tick(page.getByLabel("Condivisa con l'Ente"));
  await page.getByRole('button', { name: 'Salva', exact: true }).click();
  const row = page.getByRole('row', { name: /Donne seguite/ });
  assert.match(await row.innerText(), /tutto l'Ente/);
  await row.getByRole('link', { name: 'Donne seguite' }).click();
  await page.getByText('Filtri in uso: Sesso: donna').waitFor();
  await page.goto('/cruscotti/viste');
  await page.getByRole('button', { name: 'Elimina: Donne seguite' }).click();
  await page.getByText('Nessuna vista salvata.').waitFor();
}));

test('a manager writes a report, reads it, takes it along, and two at once lose nothing', () => withPage(1440, async (page) => {
  await logIn(page, portal, ente, 'dirigente');
  await openDashboard(page, '/cruscotti/relazioni/nuova');
  await page.getByLabel(/^Titolo/).fill('Piano di Zona 2027');
  await page.getByLabel('Introduzione').fill('Per chi decide.\n\nCon i dati di tutti.');
  await page.locator('label[for="capitolo-qualita"]').click();
  await page.getByLabel('Esce da sola').selectOption('month');
  await page.getByRole('button', { name: 'Salva' }).click();
  await page.waitForURL(/\/relazioni\/[0-9a-f-]{36}$/);
  // Saved, whether or not its figures are ready.
  await openDashboard(page, page.url());
  await page.getByRole('heading', { level: 1, name: 'Piano di Zona 2027' }).waitFor();
  await picture(page, 'relazione-1440');
  assert.deepEqual(await faults(page), []);
  const chapters = await page.getByRole('heading', { level: 2 }).allInnerTexts();
  assert.ok(chapters.includes('Come cambiano') && !chapters.includes('Quanto valgono questi dati'), chapters.join('; '));
  const sentences = page.locator('.nc-said li');
  assert.ok(await sentences.count() > 5);
  await sentences.first().getByRole('link').click();
  await page.getByRole('heading', { level: 1, name: 'Quadro' }).waitFor();
  await page.goBack();
  const waiting = page.waitForEvent('download');
  await page.getByRole('link', { name: /DOCX/ }).click();
  const file = readFileSync(await (await waiting).path());
  assert.equal(file.subarray(0, 2).toString(), 'PK');

  // Somebody else saves while this form is open.
  await page.getByRole('link', { name: 'Modifica' }).click();
  const form = page.url();
  await page.getByLabel('Conclusioni').fill('Prima di tutto la casa.');
  const other = await page.context().newPage();
  await other.goto(form);
  await other.getByLabel(/^Titolo/).fill('Piano di Zona 2027–2029');
  await other.getByRole('button', { name: 'Salva' }).click();
  await other.getByRole('heading', { level: 1, name: 'Piano di Zona 2027–2029' }).waitFor();
  await page.getByRole('button', { name: 'Salva' }).click();
  await page.getByText("un'altra persona ha salvato questa relazione").waitFor();
  assert.deepEqual(await faults(page), []);
  assert.equal(await page.getByLabel('Conclusioni').inputValue(), 'Prima di tutto la casa.');
  await page.getByRole('button', { name: 'Salva' }).click();
  await page.getByText('Prima di tutto la casa.').waitFor();
  await page.getByText('Elimina questa relazione').click();
  await page.getByRole('button', { name: /Elimina la relazione/ }).click();
  await page.getByText("Non c'è ancora nessuna relazione.").waitFor();
}));

for (const width of WIDTHS) {
  test(`an Ente and the platform see how data stand at ${width} px`, () => withPage(width, async (page) => {
    await logIn(page, portal, ente, 'dirigente');
    await page.goto('/cruscotti/territorio');
    await page.getByRole('link', { name: 'Sono arrivati tutti i questionari?' }).click();
    await page.getByRole('heading', { level: 1, name: 'Stato dei dati' }).waitFor();
    assert.match(await page.getByRole('status').innerText(), /In ordine\. All'ultimo passaggio/);
    const [compared, stages] = await Promise.all([0, 1].map(async (place) => {
      const rows = await page.locator('main table').nth(place).locator('tbody tr').all();
      return new Map(await Promise.all(rows.map(async (row) => {
        const [what, ...counts] = await row.locator('th, td').allInnerTexts();
        return [what, counts.map(Number)];
      })));
    }));
    const [, atTheRun] = compared.get('Che contano');
    assert.ok(atTheRun > 50, `${atTheRun} questionnaires count`);
    assert.equal(stages.get('Questionari che contano')[0], atTheRun);
    await picture(page, `dati-${width}`);
    assert.deepEqual(await faults(page), []);
  }));

  test(`the platform sees three words of each Ente at ${width} px`, () => withPage(width, async (page) => {
    await logIn(page, portal, '', 'piattaforma');
    await page.goto('/enti');
    const states = await page.locator('main table tbody tr td:nth-child(4)').allInnerTexts();
    assert.ok(states.length > 3 && states.every((state) => state === 'In ordine'), states.join(', '));
    await picture(page, `enti-${width}`);
    assert.deepEqual(await faults(page), []);
  }));
}

test('who has not logged in is asked to', () => withPage(768, async (page) => {
  for (const address of new Set(Object.values(WHO).flat())) {
    await page.goto(address);
    assert.equal(new URL(page.url()).pathname, '/accesso', address);
  }
}));

test('what was imported says so, on screen and in the visura', async () => {
  const definition = readFileSync(new URL('../../intake/instruments/asso/1.toml', import.meta.url), 'utf8');
  const items = definition.split('[[section.item]]').slice(1).map((item) => [item.match(/id = "(.+)"/)[1], item.match(/value = (\d+)/)[1]]);
  const folder = mkdtempSync(path.join(tmpdir(), 'noncello-import-'));
  const [table, map] = ['table.csv', 'map.toml'].map((name) => path.join(folder, name));
  writeFileSync(table, `chi,quando,cognome,nome,${items.map(([id]) => id).join(',')}\nx1,2025-03-04,Importata,Prova,${items.map(([, value]) => value).join(',')}\n`);
  writeFileSync(map, [
    'format = 1', 'source = "Archivio di prova"', 'responsible = "Chi prova"', 'external_id = { column = "chi" }', 'assessed_on = { column = "quando" }',
    '[persona]', 'surname = { column = "cognome" }', 'name = { column = "nome" }', '[items]', 'match_names = true', '',
  ].join('\n'));
  const asked = ['--data', portal.data, '--ente', ente, '--instrument', 'asso', '--map', map, '--accept-warnings', table];
  assert.match(noncello('import', ...asked), /1 rows: 1 imported/);
  assert.match(noncello('import', ...asked), /1 there already/);
  rmSync(folder, { recursive: true });
  await withPage(1440, async (page) => {
    await logIn(page, portal, ente, 'amministratore');
    await page.goto('/persone');
    await page.getByLabel(/^Codice fiscale, altro codice/).fill('Importata Prova');
    await page.getByRole('button', { name: 'Cerca' }).click();
    await page.getByRole('link', { name: 'Importata Prova' }).click();
    assert.match(await page.locator('main table').first().innerText(), /importato/);
    assert.deepEqual(await faults(page), []);
    await page.locator('main table').getByRole('link').first().click();
    await page.getByText('Archivio di prova').first().waitFor();
    await picture(page, 'importato');
    assert.deepEqual(await faults(page), []);
  });
});

test('an administration asks to join and is admitted with its agreement', () => withPage(1440, async (page) => {
  await page.goto('/aderire');
  assert.deepEqual(await faults(page), []);
  await picture(page, 'aderire');
  await page.getByLabel(/^Amministrazione/).fill('Unione di Prova');
  await page.getByLabel(/^Codice IPA/).fill('udp_x');
  await page.getByLabel(/^PEC/).fill('unione');
  await page.getByLabel(/^Comuni che servirebbe/).fill('Udine');
  await page.getByLabel(/^Nome e cognome/).fill('Anna Neri');
  await page.getByLabel(/^Posta elettronica/).fill('a.neri@unione.example');
  await page.getByRole('button', { name: 'Invia' }).click();
  await page.getByText('Niente è stato inviato.').waitFor();
  assert.deepEqual(await faults(page), []);
  await page.getByLabel(/^PEC/).fill('unione@pec.example');
  await page.getByRole('button', { name: 'Invia' }).click();
  await page.getByRole('heading', { level: 1, name: 'Richiesta ricevuta' }).waitFor();
  assert.deepEqual(await faults(page), []);
  await picture(page, 'aderire-ricevuta');
  await savesPaper(page, /^scarica la copia/);

  await logIn(page, portal, '', 'piattaforma');
  await page.goto('/interessi');
  await page.getByRole('link', { name: 'Unione di Prova' }).click();
  assert.deepEqual(await faults(page), []);
  await picture(page, 'interesse');
  await savesPaper(page, 'Copia in PDF');
  await page.getByRole('link', { name: "Ammetti l'Ente" }).click();
  await page.getByLabel(/^Codice dell'Ente/).fill('unione-prova');
  await page.getByLabel(/^Numero della convenzione/).fill('12/2026');
  for (const [label, day] of [['Firmata il', '1/1/2020'], ['Vale dal', '2/1/2020'], ['Vale fino al', '31/12/2024']]) await page.getByLabel(new RegExp(`^${label}`)).fill(day);
  await page.getByLabel(/^Manutenzione/).fill('ordinaria');
  await page.getByLabel(/^Nome utente/).fill('anna.neri');
  await page.getByRole('button', { name: "Crea l'Ente" }).click();
  const password = await page.locator('.nc-secret').innerText();
  await page.goto('/enti');
  await page.getByRole('link', { name: 'Unione di Prova' }).click();
  await page.getByText('scaduta il').first().waitFor();
  assert.deepEqual(await faults(page), []);
  await picture(page, 'ente');
  await savesPaper(page, /^12\/2026/);

  // The first administrator: a password of their own, a second factor, and nothing that could be entered.
  await page.getByRole('button', { name: 'Esci' }).click();
  await page.goto('/accesso');
  await page.getByLabel("Codice dell'Ente").fill('unione-prova');
  await page.getByLabel(/Nome utente/).fill('anna.neri');
  await page.getByLabel(/^Password/).fill(password);
  await page.getByRole('button', { name: 'Entra' }).click();
  await page.getByLabel(/^Password attuale/).fill(password);
  await page.getByLabel(/^Nuova password \(/).fill('quattro mele verdi sul davanzale');
  await page.getByLabel(/^Nuova password, di nuovo/).fill('quattro mele verdi sul davanzale');
  await page.getByRole('button', { name: 'Cambia la password' }).click();
  await page.getByRole('heading', { level: 1, name: 'Preparare il secondo fattore' }).waitFor();
  assert.deepEqual(await faults(page), []);
  await picture(page, 'secondo-fattore');
  const secret = (await page.locator('.nc-secret').innerText()).replaceAll(' ', '');
  await page.getByRole('textbox', { name: /^Codice/ }).fill(codeOf(secret, Math.floor(Date.now() / 30_000)));
  await page.getByRole('button', { name: 'Conferma' }).click();
  await page.getByRole('heading', { level: 1, name: 'Codici di recupero' }).waitFor();
  assert.equal(await page.locator('.nc-codes li').count(), 10);
  assert.deepEqual(await faults(page), []);
  await picture(page, 'codici-di-recupero');
  await page.getByRole('link', { name: /al sicuro/ }).click();
  await page.getByText('Si può leggere, non inserire.').waitFor();
  assert.deepEqual(await faults(page), []);
}));

test('a key for a program is made, shown once, used and revoked', () => withPage(320, async (page) => {
  await logIn(page, portal, ente, 'operatore1');
  await page.goto('/account');
  await page.getByRole('link', { name: 'Nuova chiave' }).click();
  await page.getByLabel(/^Nome/).fill('Gestionale');
  await page.getByRole('button', { name: 'Crea la chiave' }).click();
  await page.getByText('Va scelta almeno una cosa.').first().waitFor();
  assert.deepEqual(await faults(page), []);
  await choose(page.getByLabel('cercare e leggere le schede delle persone'));
  await page.getByRole('button', { name: 'Crea la chiave' }).click();
  await page.getByRole('heading', { level: 1, name: 'La chiave è pronta' }).waitFor();
  assert.deepEqual(await faults(page), []);
  await picture(page, 'chiave');
  const key = await page.locator('.nc-secret').innerText();
  const search = (token) => page.request.post('/api/v1/persone/cerca', { headers: { Authorization: `Bearer ${token}` }, data: { name: 'nessuno così' } });
  assert.equal((await search(key)).status(), 200);
  await page.getByRole('link', { name: "L'ho copiata" }).click();
  await page.getByText('usata l\'ultima volta').waitFor();
  assert.deepEqual(await faults(page), []);
  await page.getByRole('button', { name: 'Revoca la chiave Gestionale' }).click();
  await page.getByText('La chiave è revocata').waitFor();
  assert.equal((await search(key)).status(), 401);
}));

test('an administrator says what an operator may see, and does not get round it', () => withPage(768, async (page) => {
  await logIn(page, portal, ente, 'amministratore');
  await page.goto('/operatori');
  await page.getByRole('link', { name: 'Operatore 2', exact: true }).click();
  await page.getByLabel('Persone che vede').selectOption('own');
  await choose(page.getByLabel("estrae i dati dell'Ente senza nomi"));
  await picture(page, 'account-di-un-operatore');
  assert.deepEqual(await faults(page), []);
  await page.getByRole('button', { name: 'Salva' }).click();
  await page.getByText("L'account è stato modificato.").waitFor();
  const row = page.locator('tr', { has: page.getByRole('link', { name: 'Operatore 2', exact: true }) });
  assert.match(await row.innerText(), /soltanto quelle che segue/);
  const waiting = page.waitForEvent('download');
  await page.getByRole('link', { name: /CSV/ }).click();
  assert.match(readFileSync(await (await waiting).path(), 'utf8'), /Operatore 2;operatore2;operatore/);
  await savesPaper(page, /PDF/);
}));

test('what is decided about a persona, up to forgetting them', () => withPage(768, async (page) => {
  await logIn(page, portal, ente, 'operatore1');
  await enterPersona(page, { code: 'VRDNNA80A41G888N', surname: 'Verdi', name: 'Anna' });
  const persona = page.url().replace(/\?.*/, '');
  await page.getByRole('link', { name: /^Gestione della scheda/ }).click();
  await page.getByRole('button', { name: 'Registra la consegna' }).click();
  await page.getByText('Versione 1,').waitFor();
  await page.getByLabel('Operatore', { exact: true }).selectOption({ label: 'Operatore 1' });
  await page.getByRole('button', { name: 'Affida' }).click();
  await page.getByText(/^Operatore 1/).first().waitFor();
  assert.deepEqual(await faults(page), []);
  await page.getByRole('button', { name: 'Esci' }).click();

  await logIn(page, portal, ente, 'amministratore');
  await page.goto(`${persona}/gestione`);
  await page.getByLabel(/^Motivo/).last().fill('lo chiede la persona');
  await page.getByRole('button', { name: "Limita l'uso dei dati" }).click();
  await page.getByText("L'uso dei dati di questa persona è limitato").waitFor();
  assert.deepEqual(await faults(page), []);
  await picture(page, 'gestione');
  await page.getByRole('link', { name: 'Chi ha visto la scheda' }).click();
  assert.match(await page.locator('main table').innerText(), /persona\.create/);
  assert.deepEqual(await faults(page), []);
  await picture(page, 'chi-ha-visto');
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: 900 });
    await page.goto(`${persona}/gestione`);
    await page.getByRole('link', { name: /^Relazione di accesso/ }).click();
    assert.deepEqual(await faults(page), []);
    await page.getByLabel('Giorno della richiesta').fill('ieri');
    await page.getByLabel('Nome e cognome').fill('Anna Neri');
    await page.getByRole('button', { name: 'Prepara la relazione (PDF)' }).click();
    await page.getByText('La relazione non è stata preparata.').waitFor();
    assert.deepEqual(await faults(page), []);
    await picture(page, `richiesta-di-accesso-${width}`);
  }
  await page.getByLabel('Numero della richiesta').fill('2026/7');
  await page.getByLabel('Giorno della richiesta').fill('3/11/2026');
  await page.getByLabel('A che titolo').fill('amministratrice di sostegno');
  await savesPaper(page, 'Prepara la relazione (PDF)', 'button');
  const waiting = page.waitForEvent('download');
  await page.getByRole('link', { name: /JSON/ }).click();
  const dossier = JSON.parse(readFileSync(await (await waiting).path(), 'utf8'));
  assert.equal(dossier.recorded.surname, 'Verdi');
  assert.equal(dossier.notices.length, 1);
  assert.ok(dossier.accesses.length > 3);
  await page.goto(`${persona}/gestione`);
  await page.getByText('Per la richiesta di Anna Neri, amministratrice di sostegno, n. 2026/7, del 3/11/2026').waitFor();
  await picture(page, 'gestione-dopo-la-relazione');
  await page.getByRole('link', { name: 'Cancellazione' }).click();
  assert.deepEqual(await faults(page), []);
  await picture(page, 'cancellazione');
  await page.getByLabel('Perché').selectOption('request');
  await page.getByRole('button', { name: 'Cancella definitivamente' }).click();
  await page.getByRole('heading', { level: 1, name: 'Attestato di cancellazione' }).waitFor();
  assert.equal((await page.locator('main').innerText()).includes('Verdi'), false);
  await picture(page, 'attestato');
  await savesPaper(page, /^Attestato in PDF/);
  assert.equal(await statusOf(page, persona), 404);
}));
