// The research area: who gets there, a release from request to publication, what a partner does with it, a program with a token.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { WIDTHS, faults, giveSecondFactor, logIn, picture, startChromium, startPortal, statusOf, tick, withPage as openPage } from './browser.js';

let portal;
let browser;

before(async () => {
  portal = await startPortal();
  browser = await startChromium();
});

after(() => browser?.close());

const withPage = (width, use, options) => openPage(browser, portal, width, use, options);

let known;

/** Every address of the area that is read, of the office and of partners, with what the demonstration has in it. */
async function addresses() {
  if (!known) await withPage(768, async (page) => {
    await logIn(page, portal, '', 'ricerca');
    await page.goto('/ricerca');
    const links = await page.locator('main a').evaluateAll((all) => all.map((link) => new URL(link.href).pathname));
    const project = links.find((link) => /^\/ricerca\/progetti\/[0-9a-f-]{36}$/.test(link));
    const request = links.find((link) => /^\/ricerca\/richieste\/[0-9a-f-]{36}$/.test(link));
    await page.goto('/ricerca/rilasci');
    const release = (await page.locator('main tbody a').first().innerText()).trim();
    const of = `/dati-ricerca/progetti/${project.split('/').pop()}`;
    known = {
      office: ['/ricerca', project, `${project}/modifica`, '/ricerca/progetti/nuovo', request, '/ricerca/tabelle', '/ricerca/rilasci',
        '/ricerca/partner'],
      partners: ['/dati-ricerca', `${of}/richiesta`, `${of}/sql`, ...['', '/analisi', '/profili', '/file/dati.parquet']
        .map((rest) => `/dati-ricerca/rilasci/${release}${rest}`)],
    };
  });
  return known;
}

const OF_AN_ENTE = ['/persone', '/questionari/tutti', '/cruscotti/territorio', '/cruscotti/territorio.csv', '/cruscotti/comunita',
  '/cruscotti/qualita', '/dati', '/interrogazioni', '/estrazioni', '/estrazioni-con-nomi', '/registro'];

for (const user of ['operatore1', 'amministratore', 'dirigente', 'analista', 'piattaforma', 'universita', 'ricerca']) {
  test(`${user} gets to what is theirs of the research area and of an Ente's data, and to nothing else`, async () => {
    const { office, partners } = await addresses();
    const isOfThePlatform = ['piattaforma', 'universita', 'ricerca'].includes(user);
    await withPage(768, async (page) => {
      await logIn(page, portal, isOfThePlatform ? '' : portal.enti[0], user);
      const status = async (address) => (await page.request.get(address, { maxRedirects: 0 })).status();
      if (user !== 'ricerca') for (const address of office) assert.equal(await status(address), 403, address);
      // The office may be in a project too; of one that it is not in it finds nothing.
      const shut = user === 'ricerca' ? [partners.slice(1), 404] : [partners, 403];
      if (user !== 'universita') for (const address of shut[0]) assert.equal(await status(address), shut[1], address);
      const own = { ricerca: office, universita: partners }[user];
      if (!own) return;
      for (const address of OF_AN_ENTE) assert.equal(await status(address), 403, address);
      for (const address of own) {
        const answer = await page.request.get(address);
        assert.equal(answer.status(), 200, address);
        const text = await answer.text();
        for (const name of [...portal.enti, 'Ente dimostrativo']) assert.ok(!text.includes(name), `${address} names ${name}`);
      }
    });
  });
}

/** Answers the page that asks for the password once more, where it comes. */
async function confirm(page, user) {
  if (!page.url().includes('/conferma')) return;
  await page.getByLabel(/^Password/).fill(portal.password);
  await page.getByRole('button', { name: 'Continua' }).click();
  if (page.url().includes('secondo-fattore')) await giveSecondFactor(page, portal, `/${user}`);
}

/** Presses a button of the office; where a fresh password is asked for, gives it and presses again. */
async function press(page, user, name) {
  const before = page.url();
  await page.getByRole('button', { name }).click();
  await page.waitForLoadState();
  if (page.url().includes('/conferma')) {
    await confirm(page, user);
    await page.goto(before);
    await page.getByRole('button', { name }).click();
    await page.waitForLoadState();
  }
}

async function look(page, name) {
  await picture(page, name);
  assert.deepEqual(await faults(page), [], name);
}

test('what the demonstration published is there, on every page of the office', async () => {
  for (const width of WIDTHS) {
    await withPage(width, async (page) => {
      await logIn(page, portal, '', 'ricerca');
      await page.getByRole('navigation', { name: 'Principale' }).getByRole('link', { name: 'Progetti di ricerca' }).click();
      await page.getByRole('heading', { level: 1, name: 'Ricerca' }).waitFor();
      await look(page, `ricerca-${width}`);
      await page.getByRole('link', { name: 'Percorsi di ritorno al lavoro' }).first().click();
      await page.getByRole('heading', { level: 1, name: 'Percorsi di ritorno al lavoro' }).waitFor();
      await look(page, `ricerca-progetto-${width}`);
      for (const [address, name] of [['/ricerca/progetti/nuovo', 'progetto-nuovo'], ['/ricerca/tabelle', 'tabelle'], ['/ricerca/rilasci', 'registro']]) {
        assert.equal(await statusOf(page, address), 200);
        await look(page, `ricerca-${name}-${width}`);
      }
      assert.ok((await page.locator('main').innerText()).includes('Il registro è intero'));
    });
  }
});

/** How many releases the demonstration published. */
async function releases(page) {
  await page.goto('/dati-ricerca');
  return page.getByRole('region', { name: /^Rilasci di/ }).first().getByRole('link').allInnerTexts();
}

test('a partner asks, the office builds, two people approve, and it is published', async () => {
  let id;
  await withPage(1440, async (page) => {
    await logIn(page, portal, '', 'universita');
    await releases(page);
    await page.getByRole('link', { name: 'Chiedi dei dati' }).first().click();
    await look(page, 'richiesta-tabelle');
    await page.getByRole('main').getByRole('listitem').getByRole('link').first().click();
    // Nothing chosen: what is wrong is said, and nothing is asked.
    await page.getByLabel(/^Persone in ogni gruppo/).fill('3');
    await page.getByLabel(/^Perché servono/).fill('Per confrontare uomini e donne.');
    await page.getByRole('button', { name: 'Invia la richiesta' }).click();
    await page.getByText('Ci sono 2 cose da correggere.').waitFor();
    await look(page, 'richiesta-da-correggere');
    for (const column of ['sesso', 'fascia_eta', 'profilo']) await tick(page.locator(`#colonna-${column}`));
    await page.getByLabel('Precisione di fascia_eta').selectOption('1');
    await page.getByLabel(/^Persone in ogni gruppo/).fill('6');
    await page.getByRole('button', { name: 'Invia la richiesta' }).click();
    await page.getByText("La richiesta è arrivata all'ufficio ricerca.").waitFor();
    await look(page, 'dati-ricerca');
  });
  await withPage(1440, async (page) => {
    await logIn(page, portal, '', 'ricerca');
    await page.goto('/ricerca');
    const row = page.getByRole('row').filter({ hasText: 'da guardare' }).filter({ has: page.getByRole('cell', { name: '6', exact: true }) });
    await row.getByRole('link').click();
    id = page.url();
    await look(page, 'ricerca-richiesta');
    await press(page, 'ricerca', 'Accetta e prepara il file');
    for (let tries = 0; tries < 120 && !(await page.locator('main').innerText()).includes('Approvo questo file'); tries += 1) {
      await new Promise((resolve) => { setTimeout(resolve, 500); });
      await page.goto(id);
      assert.ok(!(await page.locator('main').innerText()).includes('Non si è potuto preparare'), await page.locator('main').innerText());
    }
    await page.getByRole('button', { name: 'Approvo questo file' }).waitFor();
    await look(page, 'ricerca-richiesta-preparata');
    const waiting = page.waitForEvent('download');
    await page.getByRole('link', { name: 'rapporto.html' }).click();
    assert.ok(readFileSync(await (await waiting).path(), 'utf8').includes('almeno 6 persone'));
    await press(page, 'ricerca', 'Approvo questo file');
    await page.getByText("L'approvazione è stata registrata.").waitFor();
    await page.getByText("Manca l'approvazione di qualcun altro.").waitFor();
  });
  await withPage(1440, async (page) => {
    await logIn(page, portal, '', 'ricerca2');
    await page.goto(id);
    await press(page, 'ricerca2', 'Approvo questo file');
    await press(page, 'ricerca2', 'Pubblica per il progetto');
    await page.getByText('Il rilascio è pubblicato').waitFor();
    await look(page, 'ricerca-richiesta-pubblicata');
  });
  await withPage(768, async (page) => {
    await logIn(page, portal, '', 'universita');
    const all = await releases(page);
    assert.ok(all.length >= 2, all.join());
  });
});

test('a partner reads, asks in SQL, keeps a query and takes the data', async () => {
  for (const width of WIDTHS) {
    await withPage(width, async (page) => {
      await logIn(page, portal, '', 'universita');
      const [release] = await releases(page);
      await page.getByRole('link', { name: release }).first().click();
      await page.getByRole('heading', { level: 1, name: `Rilascio ${release}` }).waitFor();
      await look(page, `rilascio-${width}`);
      await page.getByRole('link', { name: 'Analisi pronte' }).click();
      await look(page, `analisi-${width}`);
      await page.getByLabel('Secondo che cosa').selectOption({ index: 2 });
      await page.getByRole('button', { name: 'Mostra' }).click();
      await look(page, `analisi-incrocio-${width}`);
      // Many columns, and cells that are not shown.
      await page.goto(`/dati-ricerca/rilasci/${release}/analisi?colonna=profilo&per=titolo_studio`);
      await look(page, `analisi-larga-${width}`);
      await page.goto(`/dati-ricerca/rilasci/${release}/profili`);
      assert.ok((await page.locator('main').innerText()).includes('Gruppo A'));
      await look(page, `profili-${width}`);
      await releases(page);
      await page.getByRole('link', { name: 'Chiedi dei dati' }).first().click();
      await page.getByRole('main').getByRole('listitem').getByRole('link').first().click();
      await page.getByRole('group', { name: 'Colonne' }).waitFor();
      await look(page, `richiesta-${width}`);
    });
  }
  await withPage(1440, async (page) => {
    await logIn(page, portal, '', 'universita');
    const [release] = await releases(page);
    await page.getByRole('link', { name: 'Interroga in SQL' }).first().click();
    await page.locator('#campo-sql').waitFor({ state: 'hidden' });
    await page.getByRole('link', { name: 'Quante persone per profilo' }).click();
    await page.waitForFunction(() => document.querySelector('#campo-sql').value.includes('group by profilo'));
    await page.getByRole('button', { name: 'Mostra la risposta' }).click();
    await page.getByRole('heading', { level: 2, name: 'Risposta' }).waitFor();
    await page.getByRole('heading', { level: 3, name: /il valore più alto di persone/ }).waitFor();
    await look(page, 'sql-risposta');
    await page.getByLabel(/^Salva quella di adesso come/).fill('Profili');
    await page.getByRole('button', { name: 'Salva' }).click();
    await page.getByText("L'interrogazione è salvata per il progetto.").waitFor();
    await page.getByRole('link', { name: 'Profili', exact: true }).click();
    await page.waitForFunction(() => document.querySelector('#campo-sql').value.includes('group by profilo'));
    await page.getByRole('button', { name: /^Elimina/ }).click();
    await page.getByText("L'interrogazione è stata eliminata.").waitFor();
    await page.goto(`/dati-ricerca/rilasci/${release}`);
    const waiting = page.waitForEvent('download');
    await page.getByRole('link', { name: 'Scarica i dati (Parquet)' }).click();
    assert.equal(readFileSync(await (await waiting).path()).subarray(0, 4).toString(), 'PAR1');
  });
  await withPage(768, async (page) => {
    await logIn(page, portal, '', 'universita');
    await releases(page);
    await page.getByRole('link', { name: 'Interroga in SQL' }).first().click();
    await page.getByRole('textbox', { name: 'Interrogazione' }).fill("select * from read_csv('/etc/passwd')");
    await page.getByRole('button', { name: 'Mostra la risposta' }).click();
    await page.getByRole('heading', { level: 2, name: 'Nessuna risposta' }).waitFor();
    await picture(page, 'sql-rifiutata');
  }, { javaScriptEnabled: false });
});

test('a program reads a release by ranges with a token, and nobody without', async () => {
  let secret;
  let release;
  await withPage(768, async (page) => {
    await logIn(page, portal, '', 'universita');
    [release] = await releases(page);
    await page.goto('/account/chiavi');
    await confirm(page, 'universita');
    await page.getByLabel(/^Nome/).fill('prova dei rilasci');
    await tick(page.getByRole('checkbox').first());
    await page.getByRole('button', { name: 'Crea la chiave' }).click();
    secret = (await page.locator('main').innerText()).match(/noncello_[0-9a-f]{64}/)[0];
  });
  const address = `${portal.url}/api/v1/rilasci/${release}/dati.parquet`;
  const ask = (headers) => fetch(address, { headers });
  assert.equal((await ask({})).status, 401);
  const whole = await ask({ authorization: `Bearer ${secret}` });
  assert.equal(whole.status, 200);
  const bytes = Buffer.from(await whole.arrayBuffer());
  const part = await ask({ authorization: `Bearer ${secret}`, range: 'bytes=-4' });
  assert.deepEqual([part.status, await part.text()], [206, 'PAR1']);
  assert.equal(part.headers.get('content-range'), `bytes ${bytes.length - 4}-${bytes.length - 1}/${bytes.length}`);
  const listed = await (await fetch(`${portal.url}/api/v1/rilasci`, { headers: { authorization: `Bearer ${secret}` } })).json();
  assert.ok(listed.releases.some(({ id }) => id === release));

  // As researchers take them: DuckDB and pyarrow over HTTP, and every file as its format says.
  const python = process.env.NONCELLO_RELEASES_PYTHON;
  assert.ok(python, 'NONCELLO_RELEASES_PYTHON is not set: `make test` sets it, to the Python of tests/releases/requirements.txt');
  const checked = spawnSync(python, ['tests/releases/check', portal.url], {
    env: { ...process.env, NONCELLO_TOKEN: secret, PYTHONDONTWRITEBYTECODE: '1' }, encoding: 'utf8',
  });
  assert.equal(checked.status, 0, checked.stdout + checked.stderr);
  assert.match(checked.stdout, new RegExp(`^${release}: `, 'm'));
});

test('anybody takes a synthetic twin', async () => {
  for (const width of WIDTHS) {
    await withPage(width, async (page) => {
      assert.equal(await statusOf(page, '/gemelli'), 200);
      await look(page, `gemelli-${width}`);
      if (width !== 1440) return;
      const waiting = page.waitForEvent('download');
      await page.getByRole('link', { name: 'gemello.csv' }).first().click();
      assert.ok(readFileSync(await (await waiting).path(), 'utf8').startsWith('"'));
    });
  }
});
