// SPDX-License-Identifier: Apache-2.0
// Chromium publishes from a page of a third party's; another page of it, the
// relay's own, shows that.

import assert from 'node:assert/strict';

import { openCall, startChromium, watch } from '../lib/browsers.mjs';
import { scenario, startRelay } from '../lib/call.mjs';
import { publish, startSite } from '../lib/publisher.mjs';

/**
 * @param {import('node:test').TestContext} t
 * @param {import('../lib/daemons.mjs').Relay} relay
 */
async function startPublisher(t, relay) {
  const browser = await startChromium(t);
  return { browser, ...await publish(t, relay, browser) };
}

/**
 * @param {import('playwright-core').Page} page
 * @param {'trickle' | 'restart' | 'stop'} method
 */
function ask(page, method) {
  return page.evaluate((name) =>
    /** @type {any} */ (globalThis).publisher[name](), method);
}

scenario('Chromium publishes by WHIP with a Bearer token', async (t) => {
  const relay = await startRelay(t);
  const { browser, page, call } = await startPublisher(t, relay);
  assert.match(call, /^[\w-]+$/);
  assert.equal(await ask(page, 'trickle'), 204);
  const viewer = await openCall(browser, relay);
  const seen = await watch(viewer);
  t.diagnostic(JSON.stringify(seen));
  assert.equal(seen.codec, 'video/H264');
  assert.ok(seen.ageMs >= 0 && seen.ageMs < 1000, `${seen.ageMs} ms old`);
  assert.equal(await viewer.isVisible('.cover'), false);
  assert.equal(await ask(page, 'stop'), 200);
  await viewer.waitForSelector('.cover:not([hidden])', { timeout: 15000 });
});

scenario('Chromium restarts ICE by PATCH, and viewers do not notice',
  async (t) => {
    const relay = await startRelay(t);
    const { browser, page } = await startPublisher(t, relay);
    const viewer = await openCall(browser, relay);
    await watch(viewer);
    assert.equal(await ask(page, 'restart'), true);
    await page.waitForFunction(() => {
      const { pc } = /** @type {any} */ (globalThis).publisher;
      return pc.iceConnectionState === 'connected'
        || pc.iceConnectionState === 'completed';
    });
    // Counted anew from here: what flows now flows over the new credentials.
    const seen = await watch(viewer, { pictures: 120 });
    assert.equal(await viewer.isVisible('.cover'), false);
    assert.equal(seen.state, 'connected');
    assert.equal(await ask(page, 'trickle'), 204);
  });

scenario('Chromium is refused without a token that is good for this ED',
  async (t) => {
    const relay = await startRelay(t);
    const browser = await startChromium(t);
    const page = await browser.newPage();
    await page.goto(await startSite(t));
    await page.waitForFunction(() => 'WhipPublisher' in globalThis);
    const token = await relay.token('--publish', 'north');
    const statuses = await page.evaluate(async ({ base, good }) => {
      const global = /** @type {any} */ (globalThis);
      const tried = [];
      for (const [ed, bearer] of [['north', 'wrong'], ['south', good],
        ['nowhere', good]]) {
        const publisher = new global.WhipPublisher(`${base}/whip/${ed}`,
          bearer);
        publisher.pc.addTransceiver('audio', { direction: 'sendonly' });
        const why = await publisher.publish(new MediaStream())
          .catch((/** @type {Error} */ e) => e.message);
        tried.push(Number.parseInt(why, 10));
      }
      return tried;
    }, { base: relay.loopback, good: token });
    assert.equal(statuses[0], 401);
    assert.ok([403, 404].includes(statuses[1]), `other ED: ${statuses[1]}`);
    assert.ok([403, 404].includes(statuses[2]), `no ED: ${statuses[2]}`);
  });
