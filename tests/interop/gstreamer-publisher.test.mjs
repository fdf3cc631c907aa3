// SPDX-License-Identifier: Apache-2.0
// GStreamer's webrtcbin publishes; Chromium, on the real page, shows that.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { openCall, startChromium, watch } from '../lib/browsers.mjs';
import { keepLog, scenario, startRelay } from '../lib/call.mjs';
import { Daemon } from '../lib/daemons.mjs';

const PUBLISHER = fileURLToPath(
  new URL('gstreamer_publisher.py', import.meta.url));

scenario('webrtcbin publishes by WHIP over TLS with a Bearer token',
  async (t) => {
    const relay = await startRelay(t);
    const token = await relay.token('--publish', 'north');
    const publisher = new Daemon('webrtcbin', ['/usr/bin/python3', PUBLISHER,
      `${relay.url}/whip/north`, token, join(relay.folder, 'certs/ca.pem')]);
    keepLog(t, publisher);
    t.after(() => publisher.stop());
    await publisher.says(/^published [\w-]+/m);
    const viewer = await openCall(await startChromium(t), relay);
    // Long enough for three sender reports, whose times webrtcbin gets wrong.
    const seen = await watch(viewer, { pictures: 300 });
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
  });
