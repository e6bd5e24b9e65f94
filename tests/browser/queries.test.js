// Questions in SQL: who gets there, the editor with and without scripts, the answer on the page, as a file and by token.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { WIDTHS, faults, logIn, noncello, picture, startChromium, startPortal, statusOf, tick, withPage as openPage } from './browser.js';

let portal;
let browser;
let ente;

before(async () => {
  portal = await startPortal();
  browser = await startChromium();
  [ente] = portal.enti;
});

after(() => browser?.close());

const withPage = (width, use, options) => openPage(browser, portal, width, use, options);

for (const user of ['operatore1', 'amministratore', 'dirigente', 'piattaforma', 'ricerca']) {
  test(`${user} asks nothing in SQL`, () => withPage(768, async (page) => {
    await logIn(page, portal, ['piattaforma', 'ricerca'].includes(user) ? '' : ente, user);
    assert.equal(await page.getByRole('link', { name: 'Interrogazioni' }).count(), 0);
    assert.equal(await statusOf(page, '/interrogazioni'), 403);
  }));
}

/** The page of questions, from the menu, once the editor has taken the place of the text area. */
async function openQuestions(page, hasScripts = true) {
  await logIn(page, portal, ente, 'analista');
  await page.getByRole('navigation', { name: 'Principale' }).getByRole('link', { name: 'Interrogazioni' }).click();
  await page.getByRole('heading', { level: 1, name: 'Interrogazioni' }).waitFor();
  if (hasScripts) await page.locator('#campo-sql').waitFor({ state: 'hidden' });
}

// The text area has the same name until the editor takes its place.
const editor = (page) => page.locator('.nc-editor').getByRole('textbox', { name: 'Interrogazione' });

/** What a click on `button` saves. */
async function saved(page, button) {
  const waiting = page.waitForEvent('download');
  await page.getByRole('button', { name: button }).click();
  const download = await waiting;
  return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) };
}

/** The same question at the machine. */
const atTheMachine = (sql) => JSON.parse(noncello('warehouse', 'query', '--data', portal.data, '--ente', ente, '--format', 'json', sql));

test('an analyst asks with the editor, by keyboard, and takes the answer out', () => withPage(1440, async (page) => {
  await openQuestions(page);
  await editor(page).waitFor();
  assert.equal(await page.locator('#campo-sql').isVisible(), false, 'the editor stands in place of the text area');
  await page.getByRole('link', { name: 'Quante persone, anno per anno?' }).click();
  assert.ok(new URL(page.url()).search === '', 'no page is loaded for an example');
  await page.waitForFunction(() => document.querySelector('#campo-sql').value.includes('from mart_totals'));
  await picture(page, 'interrogazioni-esempio');
  await page.keyboard.press('Control+Enter');
  await page.getByRole('heading', { level: 2, name: 'Risposta' }).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.id), 'risposta', 'the answer has the focus');
  const rows = page.getByRole('region', { name: 'Tabella della risposta' }).locator('tbody tr');
  const expected = atTheMachine("select count(*) as count from mart_totals");
  assert.equal(await rows.count(), Number(expected[0].count));
  await picture(page, 'interrogazioni-risposta-1440');
  assert.deepEqual(await faults(page), []);

  const csv = await saved(page, 'CSV');
  assert.match(csv.name, /^interrogazione-\d{8}-\d{6}\.csv$/);
  const lines = csv.bytes.toString('utf8').trimEnd().split('\r\n');
  assert.equal(lines[0], '\ufeffperiod;instrument;people;assessments;reassessed');
  assert.equal(lines.length, 1 + Number(expected[0].count));
  const json = JSON.parse((await saved(page, 'JSON')).bytes.toString('utf8'));
  assert.equal(typeof json[0].people, 'number');
  assert.equal((await saved(page, 'Parquet')).bytes.subarray(0, 4).toString(), 'PAR1');
  assert.match((await saved(page, 'Arrow')).name, /\.arrow$/);

  // Tab goes on from the editor: it is no trap.
  await editor(page).focus();
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.textContent.trim()), 'Mostra la risposta');
  await page.keyboard.press('Shift+Tab');
  assert.ok(await editor(page).evaluate((content) => content.getRootNode().activeElement === content));
}));

test('the editor knows the tables and the columns of the page', () => withPage(768, async (page) => {
  await openQuestions(page);
  await page.getByText('Interrogazione', { exact: true }).click();
  await page.keyboard.type('select peo');
  await page.keyboard.press('Escape');
  await page.keyboard.type(' from mart_tot');
  const option = page.getByRole('option', { name: 'mart_totals' });
  await option.waitFor();
  await picture(page, 'interrogazioni-suggerimenti');
  assert.deepEqual(await faults(page), []);
  // The completion takes a moment before Enter is its own.
  await option.click();
  await page.waitForFunction(() => document.querySelector('#campo-sql').value.endsWith('from mart_totals'));
}));

test('what is refused says why, keeps what was typed and is in the audit', async () => {
  await withPage(768, async (page) => {
    await openQuestions(page);
    await editor(page).click();
    await page.keyboard.insertText("select * from read_text('/etc/passwd')");
    await page.getByRole('button', { name: 'Mostra la risposta' }).click();
    await page.getByRole('heading', { level: 2, name: 'Nessuna risposta' }).waitFor();
    assert.ok((await page.getByRole('alert').innerText()).includes('read_text'));
    assert.ok((await editor(page).innerText()).includes('/etc/passwd'));
    await picture(page, 'interrogazioni-rifiutata');
    assert.deepEqual(await faults(page), []);
    // Away and back: what was sent last is still there.
    await page.goto('/scrivania');
    await page.goto('/interrogazioni');
    await page.locator('#campo-sql').waitFor({ state: 'hidden' });
    assert.ok((await editor(page).innerText()).includes('/etc/passwd'));
  });
  let hashes;
  await withPage(1440, async (page) => {
    await logIn(page, portal, ente, 'amministratore');
    await page.goto('/registro?azione=query');
    const lines = await page.locator('main table').innerText();
    for (const part of ['query.ask', 'query.refuse', 'rifiutato', 'sha256=']) assert.ok(lines.includes(part), part);
    assert.ok(!lines.includes('passwd'), 'no text of a question');
    hashes = lines.match(/sha256=[0-9a-f]{64}/g);
    assert.ok(hashes.length > 1);
  });
  await withPage(1440, async (page) => {
    await logIn(page, portal, portal.enti[1], 'amministratore');
    await page.goto('/registro?azione=query');
    // Its own people may have looked at the page, and somebody at the machine may have asked of it; of these questions it knows none.
    await page.getByRole('heading', { level: 1 }).waitFor();
    const text = await page.locator('main').innerText();
    for (const hash of hashes) assert.ok(!text.includes(hash), hash);
  });
});

test('without JavaScript an analyst asks and takes the answer out', () => withPage(768, async (page) => {
  await openQuestions(page, false);
  await page.getByRole('link', { name: 'In quali mesi si valuta di più?' }).click();
  const area = page.getByRole('textbox', { name: 'Interrogazione' });
  assert.match(await area.inputValue(), /from assessments/);
  await page.getByRole('button', { name: 'Mostra la risposta' }).click();
  await page.getByRole('heading', { level: 2, name: 'Risposta' }).waitFor();
  assert.ok(await page.getByRole('region', { name: 'Tabella della risposta' }).locator('tbody tr').count() > 3);
  assert.equal(new URL(page.url()).hash, '#risposta');
  const csv = await saved(page, 'CSV');
  assert.ok(csv.bytes.toString('utf8').startsWith('\ufeffmese;instrument;questionari;persone\r\n'));
  await area.fill('select');
  await page.getByRole('button', { name: 'CSV' }).click();
  await page.getByRole('heading', { level: 2, name: 'Nessuna risposta' }).waitFor();
  assert.equal(await area.inputValue(), 'select');
}, { javaScriptEnabled: false }));

for (const width of WIDTHS) {
  test(`questions look right at ${width} px, everything opened`, () => withPage(width, async (page) => {
    await openQuestions(page);
    await editor(page).waitFor();
    await picture(page, `interrogazioni-${width}`);
    assert.deepEqual(await faults(page), []);
    await page.evaluate(() => document.querySelectorAll('details').forEach((details, place) => { details.open = place < 3; }));
    await picture(page, `interrogazioni-tabelle-${width}`);
    assert.deepEqual(await faults(page), []);
    await editor(page).click();
    await page.keyboard.insertText('select * from answers_isa a join assessments using (assessment_id)');
    await page.keyboard.press('Control+Enter');
    await page.getByRole('heading', { level: 2, name: 'Risposta' }).waitFor();
    await picture(page, `interrogazioni-larga-${width}`);
    assert.deepEqual(await faults(page), []);
    const region = page.getByRole('region', { name: 'Tabella della risposta' });
    await region.focus();
    await page.keyboard.press('ArrowRight');
    await page.waitForFunction(() => document.querySelector('.nc-answer').scrollLeft > 0);
  }));
}

test('the plain text area looks right where no script runs', () => withPage(320, async (page) => {
  await openQuestions(page, false);
  await picture(page, 'interrogazioni-senza-script');
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), true);
}, { javaScriptEnabled: false }));

test("an analyst's program asks by token", () => withPage(768, async (page) => {
  await logIn(page, portal, ente, 'analista');
  await page.goto('/account/chiavi');
  await page.getByLabel(/^Nome/).fill('Foglio di calcolo');
  await tick(page.getByLabel("interrogare in SQL i dati dell'Ente, senza nomi"));
  await page.getByRole('button', { name: 'Crea la chiave' }).click();
  const token = (await page.locator('.nc-secret').innerText()).trim();
  const ask = (body, headers = {}) => page.request.post('/api/v1/interrogazioni', { headers: { Authorization: `Bearer ${token}`, ...headers }, data: body });
  const sql = 'select instrument, sum(people) as people from mart_totals group by all order by 1';
  const json = await ask({ sql });
  assert.equal(json.status(), 200);
  const rows = await json.json();
  assert.deepEqual(rows.map(({ instrument, people }) => ({ instrument, people: String(people) })), atTheMachine(sql));
  const csv = await ask({ sql }, { Accept: 'text/csv' });
  assert.equal(csv.headers()['content-type'], 'text/csv');
  assert.equal((await ask({ sql, format: 'parquet' })).headers()['content-type'], 'application/vnd.apache.parquet');
  const refused = await ask({ sql: 'drop view assessments' });
  assert.equal(refused.status(), 422);
  assert.equal((await refused.json()).code, 'sql');
  assert.equal((await ask({ sql: 'select operator from assessments' })).status(), 422);
  const elsewhere = await page.request.get('/api/v1/questionari', { headers: { Authorization: `Bearer ${token}` } });
  assert.equal(elsewhere.status(), 403);
}));
