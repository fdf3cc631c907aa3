// SPDX-License-Identifier: Apache-2.0
// WHIP publishers that are no browsers; Chromium, on the real page, shows what
// they send.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { openCall, startChromium, watch } from '../lib/browsers.mjs';
import { keepLog, scenario, startRelay } from '../lib/call.mjs';
import { Daemon } from '../lib/daemons.mjs';

/**
 * Publishes with a token over TLS until it is stopped.
 * @param {import('node:test').TestContext} t
 * @param {import('../lib/daemons.mjs').Relay} relay
 * @param {string} script
 */
async function startPublisher(t, relay, script) {
  const runner = script.endsWith('.py') ? '/usr/bin/python3' : process.execPath;
  const publisher = new Daemon(script, [runner,
    fileURLToPath(new URL(script, import.meta.url)), `${relay.url}/whip/north`,
    await relay.token('--publish', 'north'),
    join(relay.folder, 'certs/ca.pem')]);
  keepLog(t, publisher);
  t.after(() => publisher.stop());
  await publisher.says(/^published [\w-]+/m);
  return publisher;
}

/**
 * Watches, looks at the age, and sees the publisher off.
 * @param {import('node:test').TestContext} t
 * @param {import('../lib/daemons.mjs').Relay} relay
 * @param {Daemon} publisher
 * @param {number} pictures
 */
async function judge(t, relay, publisher, pictures) {
  const viewer = await openCall(await startChromium(t), relay);
  const seen = await watch(viewer, { pictures });
  t.diagnostic(JSON.stringify(seen));
  assert.equal(seen.codec, 'video/H264');
  assert.equal(seen.width, 640);
  assert.ok(seen.ageMs < 1000, `${seen.ageMs} ms old`);
  assert.equal(await viewer.isVisible('.cover'), false);
  const health = await fetch(`${relay.loopback}/api/health`);
  const { calls: [call] } = /** @type {any} */ (await health.json());
  const age = call.health.capture_age_us;
  assert.ok(age === null || age < 1000000, `${age} µs old`);
  assert.equal(await publisher.stop(), 0);
  assert.match(publisher.log, /^deleted 200/m);
}

scenario('webrtcbin publishes, and its wrong sender reports age no picture',
  async (t) => {
    const relay = await startRelay(t);
    const publisher = await startPublisher(t, relay,
      'gstreamer_publisher.py');
    // Long enough for three sender reports, whose times webrtcbin gets wrong.
    await judge(t, relay, publisher, 300);
  });

scenario('aiortc publishes as the DTLS server, as FFmpeg does', async (t) => {
  const relay = await startRelay(t);
  const publisher = await startPublisher(t, relay, 'aiortc_publisher.py');
  await judge(t, relay, publisher, 60);
});

scenario('libdatachannel, the stack of OBS, publishes', async (t) => {
  const relay = await startRelay(t);
  const publisher = await startPublisher(t, relay,
    'libdatachannel_publisher.mjs');
  await judge(t, relay, publisher, 60);
});
