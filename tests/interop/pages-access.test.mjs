// SPDX-License-Identifier: Apache-2.0
// The pages for everybody: what axe-core finds, by keyboard alone, and on
// small and large screens.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';

import { startChromium } from '../lib/browsers.mjs';
import { scenario, startCall, startRelay } from '../lib/call.mjs';
import { hangUp, signedIn, untilCovered, untilLive, untilText }
  from '../lib/pages.mjs';

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const SIZES = [{ width: 1024, height: 700 }, { width: 1920, height: 1080 }];
const GRAVE = ['serious', 'critical'];

/** @typedef {import('playwright-core').Page} Page */

/**
 * No grave violation, nothing to scroll sideways, at each size; a picture of it
 * in BL_SCREENSHOTS, if that is a folder.
 * @param {Page} page
 * @param {string} name
 */
async function check(page, name) {
  // By the debugger, which the pages' Content-Security-Policy does not bind.
  if (!await page.evaluate(() => 'axe' in globalThis)) {
    await page.evaluate(await readFile(AXE, 'utf8'));
  }
  for (const size of SIZES) {
    await page.setViewportSize(size);
    const wide = await page.evaluate(() =>
      document.documentElement.scrollWidth - innerWidth);
    assert.ok(wide <= 0, `${name} is ${wide} px too wide for ${size.width}`);
    if (process.env.BL_SCREENSHOTS) {
      await page.screenshot({ path: join(process.env.BL_SCREENSHOTS,
        `${name}-${size.width}.png`) });
    }
  }
  const { violations } = await page.evaluate(() =>
    /** @type {any} */ (globalThis).axe.run());
  const grave = violations.filter((/** @type {any} */ v) =>
    GRAVE.includes(v.impact));
  assert.deepEqual(grave.map((/** @type {any} */ v) =>
    `${v.id}: ${v.nodes.map((/** @type {any} */ n) => n.html).join(' ')}`), [],
  name);
}

/**
 * Presses Tab until the focus is on what says this; fails if it never is, or
 * can't be seen there.
 * @param {Page} page
 * @param {string} text
 */
async function tabTo(page, text) {
  for (let i = 0; i < 20; i++) {
    await page.keyboard.press('Tab');
    const { tag, says, outline } = await page.evaluate(() => {
      const element = document.activeElement ?? document.body;
      return { tag: element.tagName, says: element.textContent ?? '',
        outline: getComputedStyle(element).outlineStyle };
    });
    if (tag !== 'BODY' && says.includes(text)) {
      assert.notEqual(outline, 'none', `“${text}” does not show its focus`);
      return;
    }
  }
  assert.fail(`“${text}” is not reached by Tab`);
}

scenario('Everybody can use the relay’s pages, by keyboard and on any screen',
  async (t) => {
    const relay = await startRelay(t);
    const vehicle = await startCall(t, relay);
    const browser = await startChromium(t);
    const stranger = await browser.newPage();
    await stranger.goto(relay.loopback);
    await stranger.waitForSelector('#name:focus');
    await check(stranger, 'sign-in');

    const page = await signedIn(browser, relay, 'it', 'governance');
    await untilText(page, '.calls a', /Live/);
    await check(page, 'calls');
    await tabTo(page, 'ambulance-1');
    await page.keyboard.press('Enter');
    await untilLive(page);
    await check(page, 'call');
    for (const size of SIZES) {
      await page.setViewportSize(size);
      const { video, facts } = await page.evaluate(() => {
        const box = (/** @type {string} */ selector) =>
          document.querySelector(selector)?.getBoundingClientRect().toJSON();
        return { video: box('.stage'), facts: box('.facts') };
      });
      assert.ok(video.width >= size.width / 2, `${video.width} px of picture`);
      assert.ok(facts.bottom <= size.height,
        `at ${size.width}x${size.height} the facts end at ${facts.bottom}`);
      assert.ok(await page.evaluate(() => document.documentElement.scrollHeight
        <= innerHeight), `${size.width}x${size.height} has to be scrolled`);
    }
    await hangUp(vehicle);
    await untilCovered(page, /The call has ended\./);
    await check(page, 'ended');

    await tabTo(page, 'Recordings');
    await page.keyboard.press('Enter');
    await untilText(page, 'h1', /^Recordings$/);
    await check(page, 'recordings');
    await page.focus('main table a');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() =>
      (document.querySelector('video')?.readyState ?? 0) >= 2);
    await check(page, 'recording');
    await tabTo(page, 'Audit');
    await page.keyboard.press('Enter');
    await untilText(page, 'h1', /^Audit$/);
    await check(page, 'audit');
    await tabTo(page, 'Sign out');
    await page.keyboard.press('Enter');
    await page.waitForSelector('#name:focus');
  });
