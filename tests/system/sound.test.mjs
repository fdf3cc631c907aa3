// SPDX-License-Identifier: Apache-2.0
// Sound over a network that loses packets, or is gone for a while.

import assert from 'node:assert/strict';
import { scenario } from '../lib/call.mjs';
import { openCall } from '../lib/mobile.mjs';

/* As far as redundancy reaches back: what is not there by then is lost. With
 * the way of a packet and what a busy machine adds. */
const REACH_MS = 340;
const SLACK_MS = 60;

scenario('of sound that gets lost in bursts, a tenth of it, all is heard',
  async (t) => {
    const { mobile, vehicle, viewers, call } = await openCall(t, 1);
    await viewers.passed(3);
    // Bursts of four packets on average.
    await mobile.links[0].tell('up ge=0.0278:0.25');
    await viewers.passed(15);
    await viewers.passed(15);
    const { site } = mobile;
    const { health } = await site.api(`/api/calls/${call.id}`);
    const drops = mobile.links[0].seconds.reduce((sum, { up }) =>
      sum + up.drops.loss, 0);
    const [{ audio }] = await viewers.end();
    await site.hangUp(vehicle);
    t.diagnostic(JSON.stringify({ drops, health, audio }));
    assert.ok(drops > 100, `the link lost ${drops} packets`);
    assert.ok(audio.frames > 1500, `${audio.frames} frames of sound`);
    assert.ok(audio.lost_after_repair <= audio.frames / 500,
      `${audio.lost_after_repair} of ${audio.frames} frames lost`);
    if (audio.lost_after_repair === 0) {
      assert.ok(audio.gap_ms <= REACH_MS + SLACK_MS,
        `no sound for ${audio.gap_ms} ms`);
    }
  });
