// A draft with its script: number keys, saving by itself, two windows, a session that ends.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { WIDTHS, faults, logIn, picture, startChromium, startPortal, withPage as openPage } from './browser.js';

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

/** A persona of whom nothing but the name is recorded, and a draft begun; the page is at its first part. */
async function begin(page, surname, title) {
  await page.goto('/persone/nuova');
  await page.getByLabel(/^Cognome/).fill(surname);
  await page.getByLabel(/^Nome \(/).fill('Prova');
  await page.getByRole('button', { name: 'Salva', exact: true }).click();
  await page.getByRole('button', { name: `Comincia ${title}` }).click();
  await page.locator('#nc-state').waitFor();
}

/** From here on the portal refuses something, as it should. */
const allowRefusals = (page) => page.removeAllListeners('response');

const items = (page) => page.locator('fieldset.nc-item');
const state = (page, text) => page.locator('#nc-state', { hasText: text }).waitFor();
const choose = (page, item, place) => items(page).nth(item).locator('label').nth(place).click();
const isChosen = (page, item, place) => items(page).nth(item).locator('input').nth(place).isChecked();

/** Keys pressed since the test began. */
function counting(page) {
  const keys = { count: 0 };
  keys.press = async (key) => {
    keys.count += 1;
    await page.keyboard.press(key);
  };
  return keys;
}

for (const [title, count] of [['ASSO', 25], ['ISA', 50]]) {
  test(`${title}, from its first page to the summary, takes at most two keys an item`, () => withPage(1440, async (page) => {
    await logIn(page, portal, ente, 'operatore1');
    await begin(page, `Tasti${title}`, title);
    const keys = counting(page);
    const began = Date.now();
    // From the top of the page, as it opens: past the navigation, to the first item.
    for (const key of ['Tab', 'Enter']) await keys.press(key);
    const focused = () => page.evaluate(() => document.activeElement.id);
    while (await focused() !== 'nc-first') await keys.press('Tab');
    await keys.press('Enter');
    for (let answered = 0; ;) {
      await page.waitForFunction(() => document.activeElement.matches('fieldset.nc-item input'));
      const inPart = await items(page).count();
      for (let item = 0; item < inPart; item += 1) await keys.press(String(1 + (item % 3)));
      answered += inPart;
      assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Salva e continua');
      for (let item = 0; item < inPart; item += 1) assert.ok(await isChosen(page, item, item % 3));
      const before = page.url();
      await keys.press('Enter');
      await page.waitForURL((url) => url.pathname !== new URL(before).pathname);
      if (page.url().endsWith('/riepilogo')) {
        assert.equal(answered, count);
        break;
      }
    }
    await page.getByText(`Risposte: ${count} su ${count}`).waitFor();
    console.log(`# ${title}: ${keys.count} keys for ${count} items, ${Date.now() - began} ms`);
    assert.ok(keys.count <= 2 * count, `${keys.count} keys for ${count} items`);
  }));
}

test('number keys act on the item that has the focus and nowhere else', () => withPage(1440, async (page) => {
  await logIn(page, portal, ente, 'operatore1');
  await begin(page, 'Fuoco', 'ISA');
  await page.locator('main').focus();
  await page.keyboard.press('2');
  assert.equal(await items(page).locator('input:checked:not([value=""])').count(), 0);
  const date = page.getByLabel('Data della valutazione');
  await date.fill('');
  await date.pressSequentially('3/11/2026');
  assert.equal(await date.inputValue(), '3/11/2026');
  await items(page).nth(1).locator('input:checked').focus();
  await page.keyboard.press('2');
  assert.ok(await isChosen(page, 1, 1));
  await items(page).nth(1).locator('input:checked').focus();
  await page.keyboard.press('Control+1');
  await page.keyboard.press('9');
  assert.ok(await isChosen(page, 1, 1), 'with a modifier, or without such an answer, nothing changes');
  await page.keyboard.press('0');
  assert.equal(await items(page).nth(1).locator('input[value=""]').isChecked(), true);
}));

test('what is chosen is saved without a button', () => withPage(768, async (page) => {
  await logIn(page, portal, ente, 'operatore2');
  await begin(page, 'Autosalvataggio', 'ISA');
  await choose(page, 0, 2);
  await state(page, /^Salvato alle \d{1,2}:\d\d\./);
  await choose(page, 1, 3);
  await state(page, 'Ci sono risposte da salvare');
  await state(page, /^Salvato alle/);
  const address = page.url();
  // A link is followed at once, and what was chosen a moment before is there.
  await choose(page, 2, 1);
  await page.getByRole('link', { name: 'Scrivania' }).click();
  await page.waitForURL('**/scrivania');
  await page.goto(address);
  for (const [item, place] of [[0, 2], [1, 3], [2, 1]]) assert.ok(await isChosen(page, item, place));
  // A day that cannot be: the answers are saved, and the plain form says what is wrong.
  await page.getByLabel('Data della valutazione').fill('31/2/2026');
  await state(page, 'qualcosa in questa parte non si legge');
  await page.getByRole('button', { name: 'Salva e continua' }).last().click();
  await page.locator('#errore-assessed_on').waitFor();
}));

test('two tabs: who saves second is told, loses nothing, and decides', () => withPage(1440, async (page) => {
  await logIn(page, portal, ente, 'operatore3');
  await begin(page, 'Schede', 'ISA');
  const other = await page.context().newPage();
  await other.goto(page.url());
  await choose(page, 0, 0);
  await state(page, /^Salvato alle/);
  await choose(other, 0, 1);
  await other.locator('#nc-conflict').waitFor();
  assert.ok(await isChosen(other, 0, 1), 'what was chosen stays');
  assert.deepEqual(await faults(other), []);
  await picture(other, 'bozza-conflitto');
  await other.getByRole('button', { name: 'Mostra le differenze' }).click();
  await other.locator('#conflitto').waitFor();
  assert.match(await other.locator('#conflitto').innerText(), /nell'altra/);
  assert.ok(await isChosen(other, 0, 1));
  await other.getByRole('button', { name: 'Salva e continua' }).last().click();
  await other.waitForURL((url) => url.href !== page.url());
  await page.reload();
  assert.ok(await isChosen(page, 0, 1));
}));

test('a session that ends keeps the answers in the page, and they are saved after the next login', () => withPage(1440, async (page) => {
  await logIn(page, portal, ente, 'operatore3');
  await begin(page, 'Sessione', 'ISA');
  allowRefusals(page);
  await page.context().clearCookies();
  await choose(page, 0, 2);
  await page.locator('#nc-session').waitFor();
  await choose(page, 1, 2);
  await page.getByRole('button', { name: 'Salva e continua' }).last().click();
  await state(page, 'Non salvato: la sessione è scaduta');
  assert.match(page.url(), /\/bozze\//);
  assert.deepEqual(await faults(page), []);
  await picture(page, 'bozza-sessione-scaduta');
  const opening = page.context().waitForEvent('page');
  await page.getByRole('link', { name: "Entra in un'altra scheda" }).click();
  const other = await opening;
  await logIn(other, portal, ente, 'operatore3');
  await other.close();
  // The browser may have told the page already that it is looked at again; then there is nothing left to do.
  await page.evaluate(() => document.getElementById('nc-retry').click());
  await state(page, /^Salvato alle/);
  assert.equal(await page.locator('#nc-session').isVisible(), false);
  const address = page.url();
  await page.getByRole('button', { name: 'Salva e continua' }).last().click();
  await page.waitForURL((url) => url.href !== address);
  await page.goto(address);
  assert.ok(await isChosen(page, 0, 2) && await isChosen(page, 1, 2));
}));

test('somebody else who logs in meanwhile cannot save into the draft', () => withPage(768, async (page) => {
  await logIn(page, portal, ente, 'operatore3');
  await begin(page, 'Altra', 'ISA');
  allowRefusals(page);
  await page.context().clearCookies();
  const other = await page.context().newPage();
  await logIn(other, portal, ente, 'operatore2');
  await choose(page, 0, 2);
  await state(page, 'con questo account la bozza non c\'è');
  assert.ok(await isChosen(page, 0, 2));
}));

for (const width of WIDTHS) {
  test(`a draft with its script at ${width} px`, () => withPage(width, async (page) => {
    await logIn(page, portal, ente, 'operatore1');
    await begin(page, `Larghezza${width}`, 'ASSO');
    await picture(page, `bozza-${width}`);
    assert.deepEqual(await faults(page), []);
  }));
}
