// Other ways in than a password and a code: passkeys, and a gateway to SPID and CIE. The portal is served once more, at
// localhost, which browsers make passkeys for.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { WIDTHS, faults, logIn, picture, serveAgain, startChromium, startPortal, withPage as openPage } from './browser.js';
import { startGateway } from './gateway.js';

let portal;
let gateway;
let browser;
let ente;

before(async () => {
  const first = await startPortal();
  gateway = await startGateway();
  portal = await serveAgain(first, gateway);
  browser = await startChromium();
  [ente] = portal.enti;
});

after(async () => {
  await browser?.close();
  await portal?.stop();
  await gateway?.stop();
});

/** As in browser.js, in this file's browser. */
const withPage = (width, use, options) => openPage(browser, portal, width, use, options);

async function leave(page) {
  await page.getByRole('button', { name: 'Esci' }).click();
  await page.getByText('La sessione è chiusa.').waitFor();
}

/** Looks at the page as it stands at every width. */
async function looksRight(page, name) {
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: 900 });
    await picture(page, `${name}-${width}`);
    assert.deepEqual(await faults(page), [], `${name} at ${width} px`);
  }
}

/** A device that confirms whatever it is asked, as a browser's own test authenticator. */
async function withAuthenticator(page) {
  const session = await page.context().newCDPSession(page);
  await session.send('WebAuthn.enable');
  const options = {
    protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true,
  };
  const { authenticatorId } = await session.send('WebAuthn.addVirtualAuthenticator', { options });
  return { verify: (isUserVerified) => session.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified }) };
}

test('a passkey is made, opens the account in the place of a code, and is taken away', () => withPage(1440, async (page) => {
  const device = await withAuthenticator(page);
  await logIn(page, portal, ente, 'operatore1');
  await page.goto('/account');
  await page.getByRole('link', { name: 'Nuova passkey' }).click();
  await page.waitForURL(/\/(account\/passkey|conferma)/);
  await page.getByLabel(/^Nome/).fill('Portatile');
  await looksRight(page, 'passkey-nuova');
  await page.getByRole('button', { name: 'Crea la passkey' }).click();
  await page.getByRole('heading', { level: 1, name: /[Cc]odici di recupero/ }).waitFor();
  await page.goto('/account');
  assert.equal(await page.getByRole('row', { name: /Portatile/ }).count(), 1);
  await looksRight(page, 'account-con-passkey');
  await leave(page);

  await page.goto('/accesso');
  await page.getByLabel("Codice dell'Ente").fill(ente);
  await page.getByLabel(/Nome utente/).fill('operatore1');
  await page.getByLabel(/^Password/).fill(portal.password);
  await page.getByRole('button', { name: 'Entra', exact: true }).click();
  await page.waitForURL('**/secondo-fattore');
  await looksRight(page, 'secondo-fattore-passkey');
  // A device that cannot tell who holds it gives nothing.
  await device.verify(false);
  await page.getByRole('button', { name: 'Usa una passkey' }).click();
  await page.getByText('Si può riprovare').waitFor();
  await device.verify(true);
  await page.getByRole('button', { name: 'Usa una passkey' }).click();
  await page.waitForURL('**/scrivania');

  await page.goto('/account');
  await page.getByRole('button', { name: /^Togli la passkey|^Togli\s*la passkey/ }).click();
  await page.getByText('La passkey è stata tolta').waitFor();
  await leave(page);
  await logIn(page, portal, ente, 'operatore1');
}));

test('without JavaScript a passkey is not offered, and codes are', () => withPage(768, async (page) => {
  await logIn(page, portal, ente, 'operatore2');
  await page.goto('/account/passkey');
  assert.ok(await page.getByText('Questo browser non permette di fare una passkey').isVisible());
  assert.equal(await page.getByRole('button', { name: 'Crea la passkey' }).count(), 0);
}, { javaScriptEnabled: false }));

test('an identity is linked, opens the account, and vouches again', () => withPage(1440, async (page) => {
  await logIn(page, portal, ente, 'operatore2');
  await page.goto('/account');
  await page.getByRole('link', { name: 'Collega la mia identità' }).click();
  await page.getByRole('link', { name: 'Sono anna' }).click();
  await page.getByText("L'identità è collegata").waitFor();
  await looksRight(page, 'account-collegato');
  await leave(page);

  await looksRight(page, 'accesso-con-gateway');
  await page.getByRole('link', { name: 'Entra con SPID o CIE' }).click();
  await page.getByRole('link', { name: 'Sono anna' }).click();
  await page.waitForURL('**/scrivania');
  await leave(page);

  await page.getByRole('link', { name: 'Entra con SPID o CIE' }).click();
  await page.getByRole('link', { name: 'Sono bruno' }).click();
  await page.getByText('non è collegata a nessun account attivo').waitFor();
  await looksRight(page, 'accesso-identita-ignota');
}));

test('who holds several accounts chooses, without JavaScript', async () => {
  const [, second] = portal.enti;
  await withPage(768, async (page) => {
    await logIn(page, portal, second, 'dirigente');
    await page.goto('/account');
    await page.getByRole('link', { name: 'Collega la mia identità' }).click();
    await page.getByRole('link', { name: 'Sono anna' }).click();
    await page.getByRole('button', { name: 'Continua' }).click();
    await page.getByText("L'identità è collegata").waitFor();
    await leave(page);
    await page.getByRole('link', { name: 'Entra con SPID o CIE' }).click();
    await page.getByRole('link', { name: 'Sono anna' }).click();
    await page.getByRole('button', { name: 'Continua' }).click();
    await page.getByRole('heading', { level: 1, name: 'Con quale account entrare' }).waitFor();
  }, { javaScriptEnabled: false });
  await withPage(768, async (page) => {
    await page.goto('/accesso');
    await page.getByRole('link', { name: 'Entra con SPID o CIE' }).click();
    await page.getByRole('link', { name: 'Sono anna' }).click();
    await page.getByRole('heading', { level: 1, name: 'Con quale account entrare' }).waitFor();
    await looksRight(page, 'accesso-scelta');
    await page.getByRole('button', { name: /dirigente/i }).click();
    await page.waitForURL('**/scrivania');
  });
});
