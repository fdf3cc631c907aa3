// SPDX-License-Identifier: Apache-2.0
// Firefox ESR as Debian packages it offers no H.264 in WebRTC: it gets the
// sound, and a sentence that names the browsers to use.

import assert from 'node:assert/strict';

import { scenario, startCall, startRelay } from '../lib/call.mjs';
import { startFirefox } from '../lib/firefox.mjs';

/** In the page: whether sound is heard within the script's time. */
async function listen() {
  const page = /** @type {any} */ (globalThis);
  const until = performance.now() + 30000;
  const text = (/** @type {string} */ selector) =>
    document.querySelector(selector)?.textContent ?? '';
  let loudest = 0;
  /** @type {AnalyserNode | null} */
  let analyser = null;
  while (performance.now() < until) {
    await new Promise((done) => setTimeout(done, 100));
    const stream = /** @type {any} */ (document.querySelector('video'))
      ?.srcObject;
    if (stream && !analyser) {
      const context = new page.AudioContext();
      analyser = /** @type {AnalyserNode} */ (context.createAnalyser());
      context.createMediaStreamSource(stream).connect(analyser);
    }
    if (!analyser) continue;
    const samples = new Float32Array(analyser.fftSize);
    analyser.getFloatTimeDomainData(samples);
    loudest = Math.max(loudest, ...samples);
    if (loudest > 0.001 && /Sound ?arrives/.test(text('dl'))) break;
  }
  const cover = /** @type {HTMLElement | null} */ (
    document.querySelector('.cover'));
  return { loudest, facts: text('dl'), cover: cover?.textContent,
    covered: cover?.hidden === false,
    h264: RTCRtpReceiver.getCapabilities('video')?.codecs.some(
      (codec) => codec.mimeType === 'video/H264') };
}

scenario('Firefox ESR hears the call and says which browser shows it',
  async (t) => {
    const relay = await startRelay(t);
    await startCall(t, relay);
    const code = await relay.person('nurse', 'clinician');
    const firefox = await startFirefox(t);
    await firefox.goto(`${relay.loopback}/#code=${code}`);
    await firefox.evaluate(async () => {
      while (!document.querySelector('.calls a')) {
        await new Promise((done) => setTimeout(done, 100));
      }
      /** @type {any} */ (document.querySelector('.calls a')).click();
    });
    const heard = await firefox.evaluate(listen);
    t.diagnostic(JSON.stringify(heard));
    assert.ok(heard.loudest > 0.001, 'silence');
    assert.match(heard.facts, /Sound ?arrives/);
    if (heard.h264) {
      t.diagnostic('this Firefox has H.264: nothing to say about browsers');
      return;
    }
    assert.equal(heard.covered, true);
    assert.match(heard.cover, /Chromium, Chrome or Edge/);
  });
