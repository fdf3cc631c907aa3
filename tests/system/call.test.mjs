// SPDX-License-Identifier: Apache-2.0
// A call from start to hang-up, each program on a machine of its own.

import assert from 'node:assert/strict';
import { scenario } from '../lib/call.mjs';
import { eventually } from '../lib/daemons.mjs';
import { endOf, inspect, openSite } from '../lib/site.mjs';
import { assertUnbroken } from '../lib/viewers.mjs';

scenario('a viewer sees pictures and hears sound within a second, without loss',
  async (t) => {
    const site = await openSite(t);
    const { call } = await site.startCall('ambulance-1', 'north');
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

scenario('hanging up ends the call for everybody and completes its recording',
  async (t) => {
    const site = await openSite(t);
    const { vehicle, call } = await site.startCall('ambulance-1', 'north');
    const viewers = await site.watch(call);
    await viewers.live();
    await viewers.passed(3);
    await site.hangUp(vehicle);
    await viewers.until('told of the end', (second) => second.closed === 1);
    await eventually('no call is left', async () =>
      (await site.calls()).length === 0);
    assert.equal((await site.api(`/api/calls/${call.id}`)).state, 'ended');

    const recording = await site.recording(call);
    assert.equal(recording.parts.length, 1);
    assert.deepEqual(recording.gaps, []);
    const [part] = recording.parts;
    const film = await inspect(site.relay, recording, part);
    assert.equal(film.complaints, '');
    assert.equal(film.video?.codec_name, 'h264');
    assert.equal(film.audio?.codec_name, 'opus');
    assert.ok(endOf(part) > 3, `${endOf(part)} s long`);
    assert.ok(Math.abs(film.duration_s - endOf(part)) < 0.1,
      `${film.duration_s} s in the file, ${endOf(part)} s in the list`);

    const audit = await site.relay.cli('audit', 'list');
    for (const row of [/sign-in .*governance|governance .*sign-in/,
      /ambulance-1 .*call-start .*/, /call-end/, /view/]) {
      assert.match(audit, row);
    }
  });

scenario('two calls at a time: each viewer sees the one it asked for',
  async (t) => {
    const site = await openSite(t, { units: ['ambulance-1', 'ambulance-2'] });
    const north = await site.startCall('ambulance-1', 'north');
    const south = await site.startCall('ambulance-2', 'south',
      { capture: { width: 320, height: 180 } });
    const watching = [await site.watch(north.call, 2),
      await site.watch(south.call, 2)];
    for (const viewers of watching) await viewers.live();
    await site.hangUp(north.vehicle);
    await watching[0].until('told of the end', (s) => s.closed === 2);
    await watching[1].passed(2);
    await watching[1].live();
    const widths = [];
    for (const viewers of watching) {
      for (const viewed of await viewers.end()) {
        assertUnbroken(viewed);
        widths.push(viewed.video.width);
      }
    }
    assert.deepEqual(widths, [640, 640, 320, 320]);
  });

scenario('twenty viewers see the call at once and lose nothing', async (t) => {
  const site = await openSite(t);
  const { call } = await site.startCall('ambulance-1', 'north');
  const viewers = await site.watch(call, 20);
  await viewers.live();
  await viewers.passed(5);
  const viewed = await viewers.end();
  assert.equal(viewed.length, 20);
  for (const one of viewed) {
    assertUnbroken(one);
    assert.ok(Number(one.video.first_ms) < 3000,
      `first picture after ${one.video.first_ms} ms`);
  }
});
