// Starts one demonstration for all tests and a Chromium for each file, and ends them. Used by every *.test.js here.

import { execFileSync, spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { AxeBuilder } from '@axe-core/playwright';
import { chromium } from 'playwright-core';

/** The folder of the project. */
export const root = path.resolve(import.meta.dirname, '../..');
const targetDir = process.env.CARGO_TARGET_DIR ?? path.join(homedir(), '.cache/noncello-target');

/** The widths at which every page must look right, in CSS pixels. */
export const WIDTHS = [320, 768, 1440];

const program = path.join(targetDir, 'debug/noncello');

/** An example of the project, built. */
export const example = (name) => path.join(targetDir, 'debug/examples', name);

/** Runs a command of the program to its end; its standard output. */
export function noncello(...args) {
  return execFileSync(program, args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
}

/** A demonstration in a folder of its own, filled once and served on a free port: `{ url, data, enti, password, secret, stop }`. */
async function fillAndServe() {
  const parent = mkdtempSync(path.join(tmpdir(), 'noncello-browser-'));
  const data = path.join(parent, 'data');
  const child = spawn(program, ['demo', '--data', data, '--people', '2400', '--listen', '127.0.0.1:0'], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const enti = [];
  let password;
  let secret;
  for await (const line of createInterface({ input: child.stdout })) {
    password ??= line.match(/password: (.+)$/)?.[1];
    secret ??= line.match(/: ([A-Z2-7]{32}) \(for an authenticator\)/)?.[1];
    const ente = line.match(/^ {2}(dimostrazione-\S+) /)?.[1];
    if (ente) enti.push(ente);
    const url = line.match(/http:\/\/[^/ ]+/)?.[0];
    if (url) {
      const stop = () => new Promise((resolve) => {
        child.once('exit', () => {
          rmSync(parent, { recursive: true, force: true });
          resolve();
        });
        child.kill('SIGTERM');
      });
      return { url, data, enti, password, secret, stop };
    }
  }
  throw new Error('the demonstration ended before it said where it listens');
}

let shared;

/** The one demonstration of all test files. */
export function startPortal() {
  shared ??= fillAndServe();
  return shared;
}

/** A port that nobody listens on. */
async function freePort() {
  const server = createServer();
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  const { port } = server.address();
  await new Promise((resolve) => { server.close(resolve); });
  return port;
}

/** Serves a demonstration's folder once more, at localhost and with a gateway; as `startPortal` gives one. */
export async function serveAgain(first, gateway) {
  const folder = mkdtempSync(path.join(tmpdir(), 'noncello-gateway-'));
  const file = path.join(folder, 'gateway.toml');
  writeFileSync(file, gateway.config, { mode: 0o600 });
  const port = await freePort();
  const url = `http://localhost:${port}`;
  const child = spawn(program, ['serve', '--data', first.data, '--listen', `127.0.0.1:${port}`, '--only', 'portal', '--public-url', url, '--gateway', file], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const stop = () => new Promise((resolve) => {
    child.once('exit', () => {
      rmSync(folder, { recursive: true, force: true });
      resolve();
    });
    child.kill('SIGTERM');
  });
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.includes('http://')) return { ...first, url, elsewhere: gateway.issuer, stop };
  }
  throw new Error('the portal ended before it said where it listens');
}

/**
 * Opens a page at a width, hands it to `use`, and expects no complaint from the browser (the content policy's included). What
 * it says of a page that was refused, and of a cache that was cleared at logging out, is no complaint.
 */
export async function withPage(browser, portal, width, use, options = {}) {
  const context = await browser.newContext({ viewport: { width, height: 900 }, baseURL: portal.url, ...options });
  const page = await context.newPage();
  const complaints = [];
  page.on('console', (message) => {
    if (!/^(Failed to load resource: the server responded|Cleared data types|Clear-Site-Data header on '[^']+\/esci')/.test(message.text())) complaints.push(message.text());
  });
  page.on('response', (response) => {
    const isPage = response.request().resourceType() === 'document';
    if (response.status() >= 400 && !isPage) complaints.push(`${response.status()}: ${response.url()}`);
  });
  page.on('requestfailed', (request) => {
    // Going on to the next page, or to a download, ends what the page was still asking for; whatever else fails is a fault.
    if (request.failure()?.errorText !== 'net::ERR_ABORTED') complaints.push(`failed: ${request.url()}`);
  });
  page.on('request', (request) => {
    const known = [portal.url, portal.elsewhere, 'data:'];
    if (!known.some((start) => start && request.url().startsWith(start))) complaints.push(`asks elsewhere: ${request.url()}`);
  });
  try {
    await use(page);
    assert.deepEqual(complaints, []);
  } finally {
    await context.close();
  }
}

/** Opens an address in the page; its status. Cookies of http are the browser's business: its own requests carry them. */
export async function statusOf(page, address) {
  return (await page.goto(address)).status();
}

/** The code that an authenticator shows at a step of thirty seconds (RFC 6238). */
export function codeOf(secret, step) {
  const bits = [...secret].map((letter) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => Number.parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const digest = createHmac('sha1', key).update(counter).digest();
  const offset = digest[19] & 15;
  return String((digest.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

/** By user, the step whose code was used last: a code is good once. */
const used = new Map();

/** A code that this user has not used yet; one of the next half minute where the present one is spent. */
async function freshCode(secret, user) {
  const present = () => Math.floor(Date.now() / 30_000);
  const step = Math.max(present(), (used.get(user) ?? 0) + 1);
  while (step > present() + 1) await new Promise((resolve) => { setTimeout(resolve, 500); });
  used.set(user, step);
  return codeOf(secret, step);
}

/** Gives the second factor, if the page asks for it. */
export async function giveSecondFactor(page, portal, user) {
  await page.getByLabel(/^Codice/).fill(await freshCode(portal.secret, user));
  await page.getByRole('button', { name: 'Continua' }).click();
}

/** Logs in, with the second factor of those who have one. */
export async function logIn(page, portal, ente, username) {
  await page.goto('/accesso');
  await page.getByLabel("Codice dell'Ente").fill(ente);
  await page.getByLabel(/Nome utente/).fill(username);
  await page.getByLabel(/^Password/).fill(portal.password);
  await page.getByRole('button', { name: 'Entra' }).click();
  await page.waitForURL(/\/(scrivania|secondo-fattore)$/);
  if (page.url().endsWith('/secondo-fattore')) await giveSecondFactor(page, portal, `${ente}/${username}`);
  await page.waitForURL('**/scrivania');
}

/** Debian's Chromium, kept from calling home. */
const chromiumOptions = () => ({
  executablePath: execFileSync(path.join(root, 'tests/browser/find-chromium'), { encoding: 'utf8' }).trim(),
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
});

export const startChromium = () => chromium.launch(chromiumOptions());

/** A Chromium that keeps what it knows in a folder, as on somebody's own device. */
export const startDevice = (profile, url) => chromium.launchPersistentContext(profile, { ...chromiumOptions(), baseURL: url, viewport: { width: 1440, height: 900 } });

/** What is wrong with the page as it stands: WCAG 2.2 A and AA, a page wider than the window, complaints of the browser. */
export async function faults(page) {
  const { violations } = await new AxeBuilder({ page })
    .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'])
    .analyze();
  const found = violations.flatMap(({ id, nodes }) => nodes.slice(0, 3).map(({ html }) => `${id}: ${html.slice(0, 200)}`));
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  if (overflow > 0) found.push(`the page is ${overflow} px wider than the window`);
  return found;
}

/** Ticks a checkbox as people do: the design system lays its label over it. */
export async function tick(input) {
  await input.page().locator(`label[for="${await input.getAttribute('id')}"]`).click();
  assert.ok(await input.isChecked());
}

/** A picture of the page, its first 8,000 px at most, where NONCELLO_SCREENSHOTS names a folder. */
export async function picture(page, name) {
  const folder = process.env.NONCELLO_SCREENSHOTS;
  if (!folder) return;
  mkdirSync(folder, { recursive: true });
  const { width, height } = await page.evaluate(() => {
    const { scrollWidth, scrollHeight } = document.documentElement;
    return { width: scrollWidth, height: Math.min(scrollHeight, 8000) };
  });
  await page.screenshot({ path: path.join(folder, `${name}.png`), fullPage: true, clip: { x: 0, y: 0, width, height } });
}
