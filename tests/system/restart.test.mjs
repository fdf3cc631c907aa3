// SPDX-License-Identifier: Apache-2.0
// Programs and links that go away in the middle of a call, and come back.

import assert from 'node:assert/strict';
import { scenario } from '../lib/call.mjs';
import { eventually } from '../lib/daemons.mjs';
import { endOf, inspect, openSite } from '../lib/site.mjs';
import { assertContinuous, assertUnbroken } from '../lib/viewers.mjs';

/**
 * One gap in the pictures and one in the sound, for the same reason, and the
 * recording goes on behind them.
 * @param {import('../lib/site.mjs').Recording} recording
 * @param {string} reason
 * @param {number} least_s
 */
function assertGaps({ gaps, parts }, reason, least_s) {
  assert.deepEqual(gaps.map((gap) => gap.track).sort(), ['audio', 'video']);
  for (const gap of gaps) {
    const end_s = (gap.start_us + gap.duration_us) / 1e6;
    assert.equal(gap.reason, reason);
    assert.ok(gap.duration_us / 1e6 > least_s, JSON.stringify(gap));
    assert.ok(endOf(parts[parts.length - 1]) > end_s + 1, 'it ends there');
  }
}

scenario('a relay that is killed loses two seconds at most, and the call is back',
  async (t) => {
    const site = await openSite(t);
    const { vehicle, call } = await site.startCall('ambulance-1', 'north');
    const early = await site.watch(call);
    await early.live();
    await early.passed(4);
    await site.relay.daemon?.kill();
    const killed_us = Date.now() * 1000;
    await site.startRelay();

    const again = await site.call('north');
    assert.equal(again.id, call.id);
    const late = await site.watch(again);
    await late.live();
    await late.passed(2);
    const [viewed] = await late.end();
    assertUnbroken(viewed);
    await site.hangUp(vehicle);

    const recording = await site.recording(call);
    const { recordings } = await site.api('/api/recordings');
    assert.equal(recordings.length, 1);
    assert.equal(recording.parts.length, 2);
    assertGaps(recording, 'relay restarted', 0.5);
    const [before] = recording.parts;
    const lost_s = (killed_us - recording.started_us) / 1e6 - endOf(before);
    t.diagnostic(`${lost_s.toFixed(3)} s lost`);
    assert.ok(lost_s < 2, `${lost_s} s lost`);
    for (const part of recording.parts) {
      const film = await inspect(site.relay, recording, part);
      const listed_s = endOf(part) - part.fragments[0].start_us / 1e6;
      assert.equal(film.complaints, '');
      assert.ok(film.video && film.audio);
      assert.ok(Math.abs(film.duration_s - listed_s) < 0.1,
        `${film.duration_s} s in the file, ${listed_s} s in the list`);
    }
  });

scenario('a vehicle that is killed comes back, and its viewers never left',
  async (t) => {
    const site = await openSite(t);
    const { vehicle, call } = await site.startCall('ambulance-1', 'north');
    const viewers = await site.watch(call, 3);
    await viewers.live();
    await viewers.passed(3);
    await vehicle.daemon?.kill();
    // At once, before the relay takes note. No --call: it remembers.
    await site.startVehicle(vehicle);
    await viewers.live();
    await viewers.passed(2);
    assert.equal((await site.call('north')).id, call.id);
    for (const viewed of await viewers.end()) {
      assertUnbroken(viewed);
      assert.equal(viewed.closed_ms, null);
      // At 30 a second one picture was missed at least. How quickly a
      // vehicle starts is the machine's: 170 ms have been seen.
      assert.ok(viewed.video.gap_ms > 67, 'there was no outage');
    }
    await site.hangUp(vehicle);

    const recording = await site.recording(call);
    assertGaps(recording, 'publisher gone', 0);
    // The old camera is gone, and the new one has not taken a picture yet.
    const starting = vehicle.daemon?.log.match(/^(\S+) .*capture starting$/m);
    const dark_us = 1000 * Date.parse(starting?.[1] ?? '')
      - recording.started_us;
    for (const gap of recording.gaps) {
      assert.ok(gap.start_us <= dark_us
        && gap.start_us + gap.duration_us >= dark_us,
      `${JSON.stringify(gap)} does not cover ${dark_us}`);
    }
    for (const part of recording.parts) {
      const film = await inspect(site.relay, recording, part);
      assert.equal(film.complaints, '');
    }
  });

scenario('a link that is gone for five seconds costs nobody the call',
  async (t) => {
    const site = await openSite(t);
    const { vehicle, machine, call }
      = await site.startCall('ambulance-1', 'north');
    const viewers = await site.watch(call, 2);
    await viewers.live();
    await machine.down();
    await viewers.until('without pictures', (second) => second.fps_mean === 0);
    await viewers.passed(4);
    await machine.up();
    await viewers.live(15000);
    await viewers.passed(2);
    for (const viewed of await viewers.end()) {
      // What was said in the outage is lost, and known to be.
      assertContinuous(viewed);
      assert.equal(viewed.closed_ms, null);
      assert.ok(viewed.video.gap_ms > 3000, 'there was no outage');
    }
    await site.hangUp(vehicle);
    assertGaps(await site.recording(call), 'publisher gone', 3);
  });

scenario('a vehicle that was away for too long begins a call of its own accord',
  async (t) => {
    const site = await openSite(t, { settings: { calls: { grace_s: 5 } } });
    const { vehicle, machine, call }
      = await site.startCall('ambulance-1', 'north');
    await machine.down();
    await eventually('the end of the call', async () =>
      (await site.calls()).length === 0, 30000);
    await machine.up();
    const next = await site.call('north');
    assert.notEqual(next.id, call.id);
    await site.hangUp(vehicle);
    await site.recording(call);
    await site.recording(next);
  });
