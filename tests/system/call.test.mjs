// SPDX-License-Identifier: Apache-2.0
// A call from start to hang-up, each program on a machine of its own.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openSite } from '../lib/site.mjs';
import { assertUnbroken } from '../lib/viewers.mjs';

test('a viewer sees pictures and hears sound within a second, without loss',
  async (t) => {
    const site = await openSite(t);
    const { vehicle } = await site.vehicle('ambulance-1');
    await vehicle.start('--call', 'north');
    const call = await site.call('north');
    const viewers = await site.watch(call);
    await viewers.live();
    await viewers.passed(3);
    const [viewed] = await viewers.end();
    assert.equal(viewed.error, null);
    assertUnbroken(viewed);
    assert.ok(viewed.video.fps >= 25, `${viewed.video.fps} pictures a second`);
    assert.ok(viewed.audio.fps >= 45, `${viewed.audio.fps} sounds a second`);
    assert.ok(Number(viewed.video.age_max_ms) < 1000,
      `a picture was ${viewed.video.age_max_ms} ms old`);
  });
