// SPDX-License-Identifier: Apache-2.0
// Chromium, on the real page, watches a call of the real vehicle.

import assert from 'node:assert/strict';

import { openCall, startChromium, watch } from '../lib/browsers.mjs';
import { scenario, startCall, startRelay } from '../lib/call.mjs';

scenario('Chromium shows a call with sound, and how old the picture is',
  async (t) => {
    const relay = await startRelay(t);
    await startCall(t, relay);
    const page = await openCall(await startChromium(t), relay);
    const seen = await watch(page);
    t.diagnostic(JSON.stringify(seen));
    assert.equal(seen.codec, 'video/H264');
    assert.match(seen.fmtp, /packetization-mode=1/);
    // Of the stream itself: x264 makes 42c0, and 640x360 at 30 is level 3.0.
    const answer = await page.evaluate(() =>
      /** @type {any} */ (globalThis).connections.at(-1).remoteDescription.sdp);
    assert.match(answer, /profile-level-id=42c01e/);
    assert.equal(seen.width, 640);
    assert.match(seen.srtp, /AEAD_AES_128_GCM$/);
    assert.ok(seen.ageMs >= 0 && seen.ageMs < 1000, `${seen.ageMs} ms old`);
    assert.equal(await page.isVisible('.cover'), false);
    assert.match(await page.innerText('h1'), /ambulance-1 to north/);
  });

scenario('Chromium joins at once, long after the last keyframe', async (t) => {
  const relay = await startRelay(t);
  await startCall(t, relay);
  const browser = await startChromium(t);
  await watch(await openCall(browser, relay), { pictures: 120 });
  const second = await openCall(browser, relay);
  const began = performance.now();
  await watch(second, { pictures: 1, seconds: 0 });
  t.diagnostic(`first picture after ${Math.round(performance.now() - began)} ms`);
  await watch(second);
});

scenario('Chromium is told when the call ends, and can play its recording',
  async (t) => {
    const relay = await startRelay(t);
    const vehicle = await startCall(t, relay);
    const page = await openCall(await startChromium(t), relay);
    await watch(page);
    const hungUp = await fetch(`${vehicle.url}/hangup`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: '{}',
    });
    assert.equal(hungUp.status, 202);
    await page.waitForFunction(() =>
      /The call has ended/.test(document.querySelector('.cover')?.textContent
        ?? ''), null, { timeout: 15000 });
    assert.equal(await page.isVisible('.cover'), true);

    await page.goto(`${relay.loopback}/#/recordings`);
    await page.click('main table a', { timeout: 15000 });
    const played = await page.waitForFunction(() => {
      const video = document.querySelector('video');
      if (video?.paused) video.play().catch(() => {});
      const frames = video?.getVideoPlaybackQuality().totalVideoFrames ?? 0;
      return video && video.currentTime > 1 && frames > 10
        ? { frames, duration: video.duration,
          sound: /** @type {any} */ (video).webkitAudioDecodedByteCount }
        : null;
    }, null, { timeout: 20000 });
    const { frames, duration, sound } = /** @type {any} */ (
      await played.jsonValue());
    t.diagnostic(`${frames} pictures, ${sound} bytes of sound, ${duration} s`);
    assert.ok(sound > 0);
    assert.ok(duration > 2 && duration < 60, `${duration} s long`);
  });
