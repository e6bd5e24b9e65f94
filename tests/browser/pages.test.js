// Every page in a real browser: accessible at three widths, usable without JavaScript and by keyboard alone.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { WIDTHS, faults, picture, startChromium, startPortal, withPage as openPage } from './browser.js';

let portal;
let browser;

before(async () => {
  portal = await startPortal();
  browser = await startChromium();
});

after(() => browser?.close());

/** As in browser.js, in this file's browser. */
const withPage = (width, use, options) => openPage(browser, portal, width, use, options);

const PAGES = {
  home: '/',
  strumenti: '/strumenti',
  asso: '/strumenti/asso',
  isa: '/strumenti/isa',
  'asso-prova': '/strumenti/asso/prova?esempio=1',
  'isa-prova': '/strumenti/isa/prova',
  privacy: '/privacy',
  accessibilita: '/accessibilita',
};

for (const width of WIDTHS) {
  for (const [name, address] of Object.entries(PAGES)) {
    test(`${name} at ${width} px`, () => withPage(width, async (page) => {
      assert.equal((await page.goto(address)).status(), 200);
      await picture(page, `${name}-${width}`);
      assert.deepEqual(await faults(page), []);
    }));
  }

  for (const instrument of ['asso', 'isa']) {
    test(`report of ${instrument} at ${width} px, without JavaScript`, () => withPage(width, async (page) => {
      await page.goto(`/strumenti/${instrument}/prova?esempio=1`);
      await page.getByRole('button', { name: 'Mostra la relazione' }).click();
      await page.getByRole('heading', { level: 1, name: /Relazione di prova/ }).waitFor();
      await picture(page, `${instrument}-relazione-${width}`);
      assert.equal(await page.locator('section.nc-scale').count(), instrument === 'asso' ? 3 : 5);
    }, { javaScriptEnabled: false }));

    test(`report of ${instrument} at ${width} px is accessible, everything opened`, () => withPage(width, async (page) => {
      await page.goto(`/strumenti/${instrument}/prova?esempio=2`);
      await page.getByRole('button', { name: 'Mostra la relazione' }).click();
      await page.evaluate(() => document.querySelectorAll('details').forEach((details) => { details.open = true; }));
      assert.deepEqual(await faults(page), []);
    }));
  }
}

test('a wrong page says so, accessibly', () => withPage(768, async (page) => {
  // The browser itself notes the 404 in its console: asked for here, so not a complaint.
  page.removeAllListeners('console');
  assert.equal((await page.goto('/no-such-page')).status(), 404);
  assert.deepEqual(await faults(page), []);
}));

for (const [instrument, count] of [['asso', 25], ['isa', 50]]) {
  test(`${instrument} is filled in by keyboard alone`, () => withPage(1440, async (page) => {
    await page.goto(`/strumenti/${instrument}/prova`);
    await page.locator('form input').first().focus();
    const answered = new Set();
    // Two keys an item: the arrow chooses the next option of the group (from the blank one, the first), Tab goes on.
    for (let item = 0; item < count; item += 1) {
      await page.keyboard.press('ArrowDown');
      answered.add(await page.evaluate(() => document.activeElement.name));
      await page.keyboard.press('Tab');
    }
    assert.equal(answered.size, count);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: /Relazione di prova/ }).waitFor();
    await page.getByText(`Domande con risposta: ${count} su ${count}`).waitFor();
  }));
}

test('the report prints without navigation and buttons', () => withPage(1440, async (page) => {
  await page.goto('/strumenti/asso/prova?esempio=1');
  await page.getByRole('button', { name: 'Mostra la relazione' }).click();
  await page.emulateMedia({ media: 'print' });
  assert.equal(await page.locator('header nav').isVisible(), false);
  assert.equal(await page.getByRole('link', { name: 'Prova di nuovo' }).isVisible(), false);
  assert.equal(await page.locator('section.nc-scale').first().isVisible(), true);
  await picture(page, 'asso-stampa');
}));
