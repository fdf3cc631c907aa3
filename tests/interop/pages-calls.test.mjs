// SPDX-License-Identifier: Apache-2.0
// The list of calls: it follows what happens, and each line opens its call.

import assert from 'node:assert/strict';

import { startChromium } from '../lib/browsers.mjs';
import { keepLog, scenario, startRelay } from '../lib/call.mjs';
import { mint, Vehicle } from '../lib/daemons.mjs';
import { join } from 'node:path';
import { hangUp, openListed, signedIn, untilCovered, untilLive, untilText }
  from '../lib/pages.mjs';

scenario('The list follows the calls, keeps the focus, and opens the right one',
  async (t) => {
    const relay = await startRelay(t);
    await mint(join(relay.folder, 'certs'), 'vehicle', 'ambulance-2');
    const browser = await startChromium(t);
    const page = await signedIn(browser, relay);
    await untilText(page, '[role=status]', /^No calls now\.$/);

    /** @param {string} unit @param {string} ed */
    const call = async (unit, ed) => {
      const vehicle = new Vehicle(t, { folder: relay.folder, relay, unit });
      await vehicle.start('--call', ed);
      keepLog(t, vehicle.daemon);
      return vehicle;
    };
    const first = await call('ambulance-1', 'north');
    await untilText(page, '.calls a', /ambulance-1 to north.*Live/);
    assert.equal(await page.isVisible('[role=status]'), false);
    await page.focus('.calls a:has-text("ambulance-1")');
    const second = await call('ambulance-2', 'south');
    await untilText(page, '.calls a', /ambulance-2 to south.*Live/);
    const focused = () => page.evaluate(() =>
      document.activeElement?.textContent ?? '');
    assert.match(await focused(), /ambulance-1 to north/);

    const one = await browser.newPage();
    await one.goto(relay.loopback);
    await openListed(one, 'ambulance-1');
    await untilLive(one);
    await untilText(one, 'h1', /^ambulance-1 to north$/);
    await untilText(page, '.calls a', /ambulance-1.*1 person is watching/);
    assert.match(await focused(), /ambulance-1 to north/);
    const two = await browser.newPage();
    await two.goto(relay.loopback);
    await openListed(two, 'ambulance-2');
    await untilLive(two);
    await untilText(two, 'h1', /^ambulance-2 to south$/);

    // The end of one is not the end of the other.
    await hangUp(second);
    await untilCovered(two, /The call has ended\./);
    await untilLive(one);
    await page.waitForFunction(() =>
      document.querySelectorAll('.calls a').length === 1);
    assert.match(await focused(), /ambulance-1 to north/);
    await page.keyboard.press('Enter');
    await untilLive(page);
    await untilText(page, 'h1', /^ambulance-1 to north$/);
    await hangUp(first);
    await untilCovered(one, /The call has ended\./);
    await page.click('nav a:has-text("Calls now")');
    await untilText(page, '[role=status]', /^No calls now\.$/);
  });

scenario('The address of a call that never was leads on', async (t) => {
  const relay = await startRelay(t);
  const page = await signedIn(await startChromium(t), relay);
  await page.goto(`${relay.loopback}/#/call/nothing`);
  await untilText(page, '.problem', /no call/i);
  assert.equal(await page.isVisible('.cover'), true);
  await page.goto(`${relay.loopback}/#/recording/999`);
  await untilText(page, 'main [role=alert]', /no recording/i);
});
