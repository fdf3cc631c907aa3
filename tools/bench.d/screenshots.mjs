#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// The pictures of the documents: a call on this machine, as a clinician and as
// the crew see it. usage: tools/bench screenshots [FOLDER]

import { join } from 'node:path';
import { startChromium } from '../../tests/lib/browsers.mjs';
import { makeCertificates, Relay, scratch, Vehicle }
  from '../../tests/lib/daemons.mjs';
import { openListed, signedIn, untilLive } from '../../tests/lib/pages.mjs';

const SETTLE_MS = 8000;
const out = process.argv[2] ?? 'docs';
/** @type {(() => unknown)[]} */
const leaving = [];
const t = /** @type {any} */ ({ after: (/** @type {() => unknown} */ leave) =>
  leaving.unshift(leave) });

try {
  const folder = await scratch(t);
  await makeCertificates(folder, ['127.0.0.1', 'localhost'], ['ambulance-1']);
  const relay = new Relay(t, { folder });
  await relay.start();
  const vehicle = new Vehicle(t, { folder, relay, unit: 'ambulance-1',
    capture: { width: 1280, height: 720, bitrate_kbps: 2500 } });
  await vehicle.start('--call', 'north');
  const browser = await startChromium(t);
  const page = await signedIn(browser, relay);
  await page.setViewportSize({ width: 1000, height: 880 });
  await openListed(page);
  await untilLive(page);
  const crew = await browser.newPage();
  await crew.setViewportSize({ width: 1024, height: 600 });
  await crew.goto(vehicle.url);
  await new Promise((done) => setTimeout(done, SETTLE_MS));
  await crew.screenshot({ path: join(out, 'kiosk.png') });
  await page.bringToFront();
  await untilLive(page);
  await page.screenshot({ path: join(out, 'call.png') });
} finally {
  for (const leave of leaving) await leave();
}
