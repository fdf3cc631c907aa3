// SPDX-License-Identifier: Apache-2.0
// Firefox ESR as Debian packages it offers no H.264 in WebRTC: it gets the
// sound, and a sentence that names the browsers to use.

import assert from 'node:assert/strict';

import { scenario, startCall, startRelay } from '../lib/call.mjs';
import { startFirefox, whyNoFirefox } from '../lib/firefox.mjs';

/** In the page: keeps its connections where the test can ask them. */
async function keepConnections() {
  const page = /** @type {any} */ (window);
  const Original = page.RTCPeerConnection;
  page.connections = [];
  page.RTCPeerConnection = function keep(/** @type {any} */ options) {
    const connection = new Original(options);
    page.connections.push(connection);
    return connection;
  };
}

/** In the page: listens until there was sound for two seconds, or for 30 s. */
async function listen() {
  const page = /** @type {any} */ (window);
  const text = (/** @type {string} */ selector) =>
    document.querySelector(selector)?.textContent ?? '';
  const until = performance.now() + 30000;
  let sound = /** @type {any} */ ({});
  while (performance.now() < until) {
    await new Promise((done) => setTimeout(done, 100));
    const stats = await page.connections.at(-1)?.getStats() ?? [];
    stats.forEach((/** @type {any} */ stat) => {
      if (stat.type === 'inbound-rtp' && stat.kind === 'audio') sound = stat;
    });
    if (sound.totalAudioEnergy > 0 && sound.totalSamplesReceived > 96000
      && /Sound ?arrives/.test(text('dl'))) break;
  }
  const cover = /** @type {HTMLElement | null} */ (
    document.querySelector('.cover'));
  return { samples: sound.totalSamplesReceived,
    concealed: sound.concealedSamples,
    energy: sound.totalAudioEnergy,
    facts: text('dl'), cover: cover?.textContent,
    covered: cover?.hidden === false,
    h264: RTCRtpReceiver.getCapabilities('video')?.codecs.some(
      (codec) => codec.mimeType === 'video/H264') };
}

scenario('Firefox ESR hears the call and says which browser shows it',
  async (t) => {
    const why = await whyNoFirefox();
    if (why) {
      t.skip(why);
      return;
    }
    const relay = await startRelay(t);
    await startCall(t, relay);
    const code = await relay.person('nurse', 'clinician');
    const firefox = await startFirefox(t);
    await firefox.goto(`${relay.loopback}/#code=${code}`);
    await firefox.evaluate(async () => {
      while (!document.querySelector('.calls a')) {
        await new Promise((done) => setTimeout(done, 100));
      }
    });
    await firefox.evaluate(keepConnections);
    await firefox.evaluate(async () => {
      /** @type {any} */ (document.querySelector('.calls a')).click();
    });
    const heard = await firefox.evaluate(listen);
    t.diagnostic(JSON.stringify(heard));
    assert.ok(heard.energy > 0, 'silence');
    assert.ok(heard.samples - heard.concealed > 48000);
    assert.match(heard.facts, /Sound ?arrives/);
    if (heard.h264) {
      t.diagnostic('this Firefox has H.264: nothing to say about browsers');
      return;
    }
    assert.equal(heard.covered, true);
    assert.match(heard.cover, /Chromium, Chrome or Edge/);
  });
