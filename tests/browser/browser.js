// Starts the demonstration and a Chromium for a test file, and ends both. Used by every *.test.js here.

import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { AxeBuilder } from '@axe-core/playwright';
import { chromium } from 'playwright-core';

const root = path.resolve(import.meta.dirname, '../..');
const targetDir = process.env.CARGO_TARGET_DIR ?? path.join(homedir(), '.cache/noncello-target');

/** The widths at which every page must look right, in CSS pixels. */
export const WIDTHS = [320, 768, 1440];

/** The portal on a free port: `{ url, stop }`. */
export async function startPortal() {
  const child = spawn(path.join(targetDir, 'debug/noncello'), ['demo', '--listen', '127.0.0.1:0'], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const line of createInterface({ input: child.stdout })) {
    const url = line.match(/http:\/\/[^/ ]+/)?.[0];
    if (url) {
      return {
        url,
        stop: () => new Promise((resolve) => {
          child.once('exit', resolve);
          child.kill('SIGTERM');
        }),
      };
    }
  }
  throw new Error('the portal ended before it said where it listens');
}

/** Debian's Chromium, kept from calling home. */
export async function startChromium() {
  const executablePath = execFileSync(path.join(root, 'tests/browser/find-chromium'), { encoding: 'utf8' }).trim();
  return chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync'],
  });
}

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
