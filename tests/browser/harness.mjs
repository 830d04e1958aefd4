// Owns: a browser with its own profile, claims that are checked one after the other, and what a page must never do: an
// error in its console, or a request to another origin.

import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking'];

/** The longest that anything is waited for, in milliseconds: builders are slow at times. */
export const PATIENCE = 30000;

export async function open() {
  const profile = await mkdtemp(join(tmpdir(), 'diurnal-browser-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.DIURNAL_BROWSER, headless: true, args: FLAGS, viewport: { width: 1280, height: 900 },
    colorScheme: 'light', locale: 'en-GB', timezoneId: 'Europe/Vienna', serviceWorkers: 'block',
  });
  context.setDefaultTimeout(PATIENCE);
  return { context, close: async () => {
    await context.close();
    await rm(profile, { recursive: true, force: true });
  } };
}

/** Notes what a page must not do; `origins` are where it may ask. */
export function watch(page, origins) {
  const wrongs = [];
  page.on('console', (message) => {
    // A browser says of itself what was refused; the claims about tokens ask for that.
    const refused = /status of 401/.test(message.text());
    if (['error', 'warning'].includes(message.type()) && !refused) wrongs.push('console: ' + message.text());
  });
  page.on('pageerror', (error) => wrongs.push('error: ' + error.message));
  page.on('dialog', (dialog) => {
    wrongs.push('dialog: ' + dialog.message());
    dialog.dismiss();
  });
  page.on('request', (request) => {
    const url = new URL(request.url());
    if (!['data:', 'blob:', 'about:'].includes(url.protocol) && !origins.includes(url.origin)) wrongs.push('request: ' + request.url());
  });
  return wrongs;
}

const failed = [];
let held = 0;

/** A claim holds, or is told with why it does not. */
export async function claim(name, check) {
  const began = Date.now();
  try {
    await check();
    held += 1;
    console.log('holds: ' + name + ' (' + (Date.now() - began) + ' ms)');
  } catch (error) {
    failed.push(name);
    console.log('FAILS: ' + name + '\n' + String(error.stack ?? error).split('\n').slice(0, 14).map((line) => '  ' + line).join('\n'));
  }
}

/** Says how it went, for people and for whoever started this. */
export function end() {
  console.log(held + ' claims hold, ' + failed.length + ' fail');
  process.exitCode = failed.length ? 1 : 0;
}

export function equal(found, expected, what) {
  const [a, b] = [JSON.stringify(found), JSON.stringify(expected)];
  if (a !== b) throw new Error(what + ': found ' + a + ', expected ' + b);
}

export function ensure(holds, what) {
  if (!holds) throw new Error(what);
}

/** Waits until something is so. */
export async function until(what, check) {
  const end = Date.now() + PATIENCE;
  let last;
  do {
    try {
      last = await check();
      if (last) return last;
    } catch (error) {
      last = error;
    }
    await new Promise((done) => setTimeout(done, 100));
  } while (Date.now() < end);
  throw new Error('waited in vain until ' + what + '; last: ' + (last instanceof Error ? last.message : JSON.stringify(last)));
}

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What axe finds serious or critical on a page, with examples. */
export async function inaccessible(page) {
  await page.evaluate(axe);
  const violations = await page.evaluate(async () => (await window.axe.run(document, { resultTypes: ['violations'] })).violations);
  const bad = violations.filter((one) => ['serious', 'critical'].includes(one.impact));
  return bad.map((one) => [one.id, one.nodes.slice(0, 3).map((node) => [node.html.slice(0, 160), node.any[0]?.message ?? ''])]);
}

/** Keeps a picture where pictures are wanted. */
export async function picture(page, name, options = {}) {
  const folder = process.env.DIURNAL_BROWSER_PICTURES;
  if (!folder) return;
  await mkdir(folder, { recursive: true });
  await page.screenshot({ path: join(folder, name + '.png'), ...options });
}
