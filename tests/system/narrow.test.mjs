// SPDX-License-Identifier: Apache-2.0
// A vehicle whose network carries hardly more than sound, and then more again.

import assert from 'node:assert/strict';
import { scenario } from '../lib/call.mjs';
import { openCall } from '../lib/mobile.mjs';

const SOUND_P95_MS = 400;
const PICTURE_MS = 3000;

/* What has queued until the vehicle notices leaves within this time. */
const SETTLED_S = 9;

for (const rate_kbps of [40, 60]) {
  scenario(`in ${rate_kbps} kb/s is sound, and pictures as soon as there is room`,
    async (t) => {
      const { mobile, vehicle, viewers, call } = await openCall(t, 1);
      const [link] = mobile.links;
      await viewers.passed(3);
      await link.tell(`up rate=${rate_kbps}k queue=1000ms`);
      await viewers.until('without pictures', (s) => s.fps_mean === 0);
      await viewers.passed(SETTLED_S);
      const from = viewers.seconds.length;
      await viewers.passed(10);
      const seconds = viewers.seconds.slice(from);
      const { health } = await mobile.site.api(`/api/calls/${call.id}`);

      const widened = performance.now();
      await link.tell('up rate=1.5M queue=300ms');
      const { fps_mean } = await viewers.until('with pictures again',
        (s) => s.fps_mean > 0);
      // They began within the second that was just reported.
      const back_ms = performance.now() - widened - 1000 * fps_mean / 30;
      await viewers.passed(5);
      const last = viewers.seconds.at(-1);
      const [{ audio }] = await viewers.end();
      await mobile.site.hangUp(vehicle);
      t.diagnostic(JSON.stringify({ health, back_ms, last, audio,
        sounds: seconds.map((s) => s.sounds_min),
        ages: seconds.map((s) => s.sound_age_p95_ms),
        gaps: seconds.map((s) => s.sound_gap_ms) }));

      for (const { fps_mean: fps, sounds_min, sound_age_p95_ms } of seconds) {
        assert.equal(fps, 0, 'pictures take the place of sound');
        assert.ok(sounds_min >= 45, `${sounds_min} frames of sound in a second`);
        assert.ok((sound_age_p95_ms ?? Infinity) <= SOUND_P95_MS,
          `sound of ${sound_age_p95_ms} ms`);
      }
      assert.equal(health.connection, 'poor');
      assert.equal(health.video, false);
      assert.equal(health.audio, true);
      assert.ok(back_ms <= PICTURE_MS, `no picture for ${back_ms} ms`);
      assert.ok((last?.fps_min ?? 0) >= 14, 'and they stay');
    });
}
