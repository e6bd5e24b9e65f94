// Every figure that dashboards give in files, counted again from the feed by polars (tests/figures/recount.py). Before any other
// test changes the demonstration.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { example, logIn, root, startChromium, startPortal } from './browser.js';

const CHARACTERISTICS = ['age_band', 'sex', 'education', 'citizenship', 'household', 'work', 'disadvantage'];
/** Rows of the pivot, by their names in addresses. */
const ROWS = ['eta', 'sesso', 'istruzione', 'cittadinanza', 'nucleo', 'lavoro', 'svantaggio'];
const FILTERS = ['sesso=f', 'eta=45_54', 'svantaggio=none', 'lavoro=unemployed_long'];

let portal;
let browser;
let folder;

before(async () => {
  portal = await startPortal();
  browser = await startChromium();
  folder = mkdtempSync(path.join(tmpdir(), 'noncello-figures-'));
});

after(async () => {
  await browser?.close();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

/** The addresses of an Ente's files of a strumento; pages first that tell what others are made of. */
function addresses(strumento) {
  const periods = ['', '&periodo=2025'];
  const all = periods.flatMap((period) => [
    ...CHARACTERISTICS.map((of) => `comunita.csv?caratteristica=${of}${period}`),
    ...['tasso', 'persone', 'indice', 'livello'].map((measure) => `territorio.csv?misura=${measure}${period}`),
    ...CHARACTERISTICS.map((of) => `bisogni.csv?caratteristica=${of}${period}`),
    `quadro.csv?${period}`,
    `percorsi.csv?${period}`,
  ]);
  all.push(...ROWS.map((of) => `esplora.csv?righe=${of}`), ...FILTERS.map((filter) => `quadro.csv?${filter}`));
  return all.map((address) => `/cruscotti/${address}&strumento=${strumento}`);
}

/** A file, once the figures are there. */
async function taken(page, address) {
  for (;;) {
    const answer = await page.request.get(address, { timeout: 60_000 });
    if (answer.status() !== 503) {
      assert.equal(answer.status(), 200, address);
      return answer.body();
    }
  }
}

test('every figure is what a recount of the feed gives', { timeout: 900_000 }, async () => {
  const python = process.env.NONCELLO_FIGURES_PYTHON;
  assert.ok(python, 'NONCELLO_FIGURES_PYTHON names no Python with tests/figures/requirements.txt: `make test` sets it');
  const plain = path.join(folder, 'plain');
  mkdirSync(plain);
  execFileSync(example('plain_feed'), [path.join(portal.data, 'segments'), path.join(portal.data, 'keys/pipeline.key'), plain]);
  const feeds = readdirSync(plain).filter((name) => name.endsWith('.jsonl'));
  const events = new Map(feeds.map((name) => [readFileSync(path.join(plain, name), 'utf8').trimEnd().split('\n').length, name]));
  for (const ente of portal.enti.slice(0, 2)) {
    const files = [];
    const context = await browser.newContext({ baseURL: portal.url });
    const page = await context.newPage();
    await logIn(page, portal, ente, 'dirigente');
    for (const strumento of ['asso', 'isa']) {
      for (const address of addresses(strumento)) {
        const file = path.join(folder, `${address.match(/(\w+)\.csv/)[1]}-${files.length}.csv`);
        writeFileSync(file, await taken(page, address));
        files.push(file);
      }
    }
    await context.close();
    const seen = Number(readFileSync(files[0], 'utf8').match(/Ultima registrazione compresa;(\d+)/)[1]);
    const said = execFileSync(python, [path.join(root, 'tests/figures/recount.py'), root, path.join(plain, events.get(seen)), path.join(plain, 'residents.json'), ...files], { encoding: 'utf8' });
    const [, compared, hidden] = said.match(/in all: (\d+) cells as counted, (\d+) hidden/);
    console.log(`${ente}: ${compared} cells as counted, ${hidden} hidden`);
    assert.ok(Number(compared) > 5_000, said);
  }
});
