// SPDX-License-Identifier: Apache-2.0
// A workstation whose network is smaller than the stream.

import assert from 'node:assert/strict';
import { scenario } from '../lib/call.mjs';
import { eventually } from '../lib/daemons.mjs';
import { openSite } from '../lib/site.mjs';
import { assertUnbroken } from '../lib/viewers.mjs';

/* The vehicle sends a keyframe each four seconds of its own. A trial of more may
   cost one. */
const SECONDS = 24;
const KEYFRAMES = 5;

scenario('behind a narrow link come keyframes and sound, and then all again',
  async (t) => {
    const site = await openSite(t, { machines: ['narrow'] });
    const { narrow } = site.machines;
    const { vehicle, call } = await site.startCall('ambulance-1', 'north',
      { capture: { bitrate_kbps: 2500 } });
    const others = await site.watch(call);
    const slow = await site.watch(call, 1, { from: narrow });
    await others.live();
    await slow.live();
    const { health } = await eventually('the rate', async () => {
      const now = await site.api(`/api/calls/${call.id}`);
      return now.health.bitrate_bps > 0 && now;
    });
    await narrow.narrow(0.4 * health.bitrate_bps / 1000);
    await slow.until('keyframes only', ({ fps_mean }) => fps_mean < 3);

    const from = slow.seconds.length;
    await slow.passed(SECONDS / 2);
    await slow.passed(SECONDS / 2);
    const seconds = slow.seconds.slice(from, from + SECONDS);
    const keyframes = seconds.reduce((sum, s) => sum + s.keyframes, 0);
    const fewest = Math.min(...seconds.map((s) => s.sounds_min));
    t.diagnostic(JSON.stringify({ health, keyframes, fewest,
      fps: seconds.map((s) => s.fps_mean), ages: seconds.map((s) => s.age_ms) }));
    assert.ok(keyframes >= KEYFRAMES, `${keyframes} keyframes came`);
    // A trial may cost a moment of sound, and no more.
    assert.ok(seconds.filter((s) => s.sounds_min > 0).length >= SECONDS - 1,
      'sound did not come');

    await narrow.widen();
    await slow.until('all again', ({ fps_mean }) => fps_mean > 20, 60000);
    await slow.passed(3);
    assert.ok((slow.seconds.at(-1)?.fps_mean ?? 0) > 20, 'and it stays');
    const [viewed] = await others.end();
    assertUnbroken(viewed);
    const [thinned] = await slow.end();
    t.diagnostic(JSON.stringify(thinned));
    await site.hangUp(vehicle);
    assert.deepEqual((await site.recording(call)).gaps, []);
  });
