// SPDX-License-Identifier: Apache-2.0
// Chromium as a third party's WHIP publisher, on a page of another origin
// (tests/interop/publisher.html).

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';

const PAGES = new URL('../interop/', import.meta.url);

/**
 * The third party's site: another origin than the relay's.
 * @param {import('node:test').TestContext} t
 * @returns {Promise<string>}
 */
export function startSite(t) {
  const server = createServer(async (request, response) => {
    const name = request.url === '/publisher.js' ? 'publisher.js'
      : 'publisher.html';
    response.setHeader('Content-Type',
      name.endsWith('.js') ? 'text/javascript' : 'text/html');
    response.end(await readFile(new URL(name, PAGES)));
  });
  t.after(() => server.close());
  return new Promise((met) => server.listen(0, '127.0.0.1', () => met(
    `http://127.0.0.1:${/** @type {any} */ (server.address()).port}/`)));
}

/**
 * Publishes camera and microphone to "north"; gives the page and the call's id.
 * @param {import('node:test').TestContext} t
 * @param {import('./daemons.mjs').Relay} relay
 * @param {import('playwright-core').BrowserContext} browser
 */
export async function publish(t, relay, browser) {
  const token = await relay.token('--publish', 'north');
  const page = await browser.newPage();
  await page.goto(await startSite(t));
  await page.waitForFunction(() => 'WhipPublisher' in globalThis);
  const call = await page.evaluate(async ({ url, token: bearer }) => {
    const global = /** @type {any} */ (globalThis);
    global.publisher = new global.WhipPublisher(url, bearer);
    return global.publisher.publish(await navigator.mediaDevices.getUserMedia(
      { audio: true, video: { width: 640, height: 360 } }));
  }, { url: `${relay.loopback}/whip/north`, token });
  return { page, call };
}
