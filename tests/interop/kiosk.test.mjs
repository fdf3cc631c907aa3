// SPDX-License-Identifier: Apache-2.0
// The paramedic's page: one press calls, one hangs up, and what goes wrong is
// said in words for the crew.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';

import { startChromium } from '../lib/browsers.mjs';
import { keepLog, scenario, startRelay } from '../lib/call.mjs';
import { Vehicle } from '../lib/daemons.mjs';
import { amend, untilText } from '../lib/pages.mjs';

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
/* Of a touch screen for gloves. */
const LEAST_REM = 8;
/* Of the screens that vehicles have. */
const SIZES = [[800, 480], [800, 600], [1024, 600], [480, 800], [1024, 700]];

/**
 * The kiosk of a vehicle that may call these EDs.
 * @param {import('node:test').TestContext} t
 * @param {import('../lib/daemons.mjs').Relay} relay
 * @param {string} eds
 */
async function openKiosk(t, relay, eds) {
  const vehicle = new Vehicle(t, { folder: relay.folder, relay,
    unit: 'ambulance-1', settings: { eds: { list: eds } } });
  await vehicle.start();
  keepLog(t, vehicle.daemon);
  const browser = await startChromium(t);
  const page = await browser.newPage();
  await page.goto(vehicle.url);
  await untilText(page, '#state', /^Ready$/);
  return { page, vehicle };
}

/**
 * All of it is in sight, and buttons are for gloves.
 * @param {import('playwright-core').Page} page
 * @param {string} name
 * @param {number[]} size
 */
async function checkSize(page, name, [width, height]) {
  const screen = `${name}-${width}x${height}`;
  await page.setViewportSize({ width, height });
  const { heights, rem, high, wide } = await page.evaluate(() => {
    const { documentElement: root } = document;
    return {
      heights: [...document.querySelectorAll('button')]
        .map((button) => button.getBoundingClientRect().height)
        .filter((px) => px > 0),
      rem: Number.parseFloat(getComputedStyle(root).fontSize),
      high: root.scrollHeight - innerHeight,
      wide: root.scrollWidth - innerWidth,
    };
  });
  assert.ok(heights.length > 0, `${screen}: no button`);
  for (const px of heights) assert.ok(px >= LEAST_REM * rem, screen);
  assert.ok(wide <= 0, `${screen}: ${wide} px too wide`);
  assert.ok(high <= 0, `${screen}: ${high} px too high`);
  if (process.env.BL_SCREENSHOTS) {
    await page.screenshot({ path: join(process.env.BL_SCREENSHOTS,
      `kiosk-${screen}.png`) });
  }
}

/**
 * @param {import('playwright-core').Page} page
 * @param {string} name
 */
async function check(page, name) {
  for (const size of SIZES) await checkSize(page, name, size);
  await page.evaluate(await readFile(AXE, 'utf8'));
  const { violations } = await page.evaluate(() =>
    /** @type {any} */ (globalThis).axe.run());
  assert.deepEqual(violations.filter((/** @type {any} */ v) =>
    ['serious', 'critical'].includes(v.impact))
    .map((/** @type {any} */ v) => v.id), [], name);
}

scenario('One press calls an ED, and one hangs up', async (t) => {
  const relay = await startRelay(t);
  const { page } = await openKiosk(t, relay, 'north, south');
  assert.deepEqual(await page.locator('#eds button').allInnerTexts(),
    ['Call north', 'Call south']);
  await check(page, 'ready');
  await page.click('button:has-text("Call south")');
  await untilText(page, '#state', /^Live: south$/);
  await untilText(page, '#health', /[1-9]\d* kb\/s.*, \d+×\d+$/);
  await untilText(page, '#connection', /Connection good/);
  await untilText(page, '#networks li',
    /^\w+: in use, \d+ ms, 0 % lost, room for [1-9]\d* kb\/s$/);
  assert.equal(await page.isVisible('#eds'), false);
  await check(page, 'live');
  // By keyboard, too.
  await page.focus('#hang-up');
  await page.keyboard.press('Enter');
  await untilText(page, '#state', /^Ready$/);
  assert.equal(await page.isVisible('#eds'), true);
  assert.equal(await page.isVisible('#connection'), false);
  assert.equal(await page.locator('#networks li').count(), 0);
});

scenario('The crew reads whether the connection is good, poor or lost',
  async (t) => {
    const relay = await startRelay(t);
    const { page } = await openKiosk(t, relay, 'north');
    await page.click('button:has-text("Call north")');
    await untilText(page, '#connection', /Connection good/);

    // What the figures stand for is in tests/unit/base/test_connection.c.
    const restore = await amend(page, '**/api/state', (state) => {
      const path = { ...state.paths[0], best: false, state: 'silent',
        interface: 'wwan1' };
      return { ...state, connection: 'poor',
        paths: [{ ...state.paths[0], state: 'doubt' }, path, path, path] };
    });
    await untilText(page, '#connection', /Connection poor\s+The picture/);
    await untilText(page, '#state', /^Live: north$/);
    await untilText(page, '#networks li', /: in use, weak, /);
    await untilText(page, '#networks li', /^wwan1: no answer$/);
    await check(page, 'poor');
    await restore();

    const { process } = relay.daemon ?? {};
    process?.kill('SIGSTOP');
    try {
      await untilText(page, '#connection', /Connection lost/);
      await untilText(page, '#state', /^Trying again: north$/);
      await check(page, 'lost');
    } finally {
      process?.kill('SIGCONT');
    }
    await untilText(page, '#connection', /Connection good/, 30000);
    await untilText(page, '#state', /^Live: north$/);
  });

scenario('Six EDs are as many buttons on the smallest screen', async (t) => {
  const relay = await startRelay(t);
  const { page } = await openKiosk(t, relay,
    'north, south, east, west, centre, children');
  assert.equal(await page.locator('#eds button').count(), 6);
  await check(page, 'six');
});

scenario('The crew reads in plain words why there is no call', async (t) => {
  const relay = await startRelay(t);
  const { page, vehicle } = await openKiosk(t, relay, 'north, nowhere');
  await page.click('button:has-text("Call nowhere")');
  await untilText(page, '#message', /knows no department of that name\.$/);
  await untilText(page, '#state', /^Ready$/);
  assert.equal(await page.isVisible('#eds'), true);
  await check(page, 'unknown');

  await relay.daemon?.stop();
  await page.click('button:has-text("Call north")');
  await untilText(page, '#message', /^The relay can't be reached\.$/);
  await untilText(page, '#state', /: north$/);
  await check(page, 'unreachable');
  await relay.start();
  keepLog(t, relay.daemon);
  await untilText(page, '#state', /^Live: north$/, 30000);
  await untilText(page, '#message', /^$/);

  await vehicle.daemon?.kill();
  await untilText(page, '#state', /^Bluelight is not running$/);
  await vehicle.start();
  keepLog(t, vehicle.daemon);
  await untilText(page, '#state', /^Live: north$/, 30000);
});
