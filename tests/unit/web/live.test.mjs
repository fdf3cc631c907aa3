// SPDX-License-Identifier: Apache-2.0
// What makes a picture look live: the relay's clock, and the age.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PictureAge } from '../../../src/web/relay/age.js';
import { poll } from '../../../src/web/relay/api.js';
import { RelayClock } from '../../../src/web/relay/clock.js';

/** Another time than the machine's, in ms: the page's, and the relay's. */
const now = { page: 0, relay: 0 };
Object.defineProperty(performance, 'now', { value: () => now.page });
globalThis.fetch = async () => {
  now.page += 10;
  now.relay += 10;
  return Response.json({ unix_us: (now.relay - 5) * 1000 });
};

/** @param {RelayClock} clock @param {number} capturedMs */
function shown(clock, capturedMs) {
  const video = /** @type {any} */ ({ requestVideoFrameCallback() {} });
  const age = new PictureAge(video, clock);
  age.capturedMs = capturedMs;
  return age;
}

test('a picture is live for a second, and no longer', async () => {
  const clock = new RelayClock();
  await clock.measure();
  const age = shown(clock, now.relay);
  assert.ok(age.live);
  now.page += 900;
  assert.ok(age.live);
  now.page += 200;
  assert.ok(!age.live);
});

test('a picture of an unknown age is not live', async () => {
  const clock = new RelayClock();
  assert.ok(!shown(clock, now.relay).live);
  await clock.measure();
  assert.ok(!shown(clock, NaN).live);
});

test('a picture from the future is not live: a clock is wrong', async () => {
  const clock = new RelayClock();
  await clock.measure();
  assert.ok(!shown(clock, now.relay + 5000).live);
});

test('a clock that was set is believed at the next measurement', async () => {
  const clock = new RelayClock();
  for (let i = 0; i < 8; i++) await clock.measure();
  // The relay's was set, or ours stood still while the computer slept.
  now.relay += 600000;
  await clock.measure();
  assert.ok(Math.abs(clock.nowMs() - now.relay) < 10);
});

test('a tick that fails is not the last', async () => {
  const stop = new AbortController();
  let ticks = 0;
  const error = console.error;
  console.error = () => {};
  await poll(1, stop.signal, async () => {
    if (++ticks === 2) stop.abort();
    throw new Error('once');
  });
  console.error = error;
  assert.equal(ticks, 2);
});
