// SPDX-License-Identifier: Apache-2.0
// A vehicle whose modems lose the network, and get another one.

import assert from 'node:assert/strict';
import { scenario } from '../lib/call.mjs';
import { eventually } from '../lib/daemons.mjs';
import { openCall, openMobile } from '../lib/mobile.mjs';
import { inspect } from '../lib/site.mjs';
import { assertContinuous } from '../lib/viewers.mjs';

/**
 * From the network's return to sound at the viewers: 1 s, and the 1.2 s for
 * which these wait for packets that the outage took (tests/peer/track.h).
 */
const SOUND_BACK_MS = 1000 + 1200;

/**
 * The same call goes on for the same viewers, and its recording is one.
 * @param {Awaited<ReturnType<typeof openCall>>} opened
 * @param {number} least_gap_ms
 */
async function assertSurvived({ mobile, vehicle, viewers, call },
  least_gap_ms) {
  const { site } = mobile;
  let silence_ms = 0;
  await viewers.passed(2);
  assert.equal((await site.call('north')).id, call.id);
  for (const viewed of await viewers.end()) {
    assertContinuous(viewed);
    assert.equal(viewed.closed_ms, null);
    assert.ok(viewed.video.gap_ms >= least_gap_ms, 'there was no outage');
    silence_ms = Math.max(silence_ms, viewed.audio.gap_ms);
  }
  await site.hangUp(vehicle);
  const recording = await site.recording(call);
  const { recordings } = await site.api('/api/recordings');
  assert.equal(recordings.length, 1);
  for (const part of recording.parts) {
    const film = await inspect(site.relay, recording, part);
    assert.equal(film.complaints, '');
  }
  return { recording, silence_ms };
}

for (const seconds of [30, 60]) {
  scenario(`no network for ${seconds} seconds, and the picture comes back`,
    async (t) => {
      const opened = await openCall(t, 1);
      const { mobile, viewers } = opened;
      for (const way of ['up', 'down']) {
        await mobile.links[0].tell(`${way} in-outage=drop`);
      }
      await mobile.links[0].tell(`cut ${seconds}`);
      await viewers.until('without pictures', (s) => s.fps_mean === 0);
      await viewers.passed(seconds - 4);
      await viewers.live(30000);
      const { recording, silence_ms } = await assertSurvived(opened,
        (seconds - 3) * 1000);
      t.diagnostic(`no sound for ${silence_ms} ms`);
      assert.ok(silence_ms <= seconds * 1000 + SOUND_BACK_MS,
        `no sound for ${silence_ms} ms`);
      assert.deepEqual(recording.gaps.map((gap) => gap.track).sort(),
        ['audio', 'video']);
    }, { long: seconds > 30 });
}

scenario('a modem that is given another address keeps its call',
  async (t) => {
    const opened = await openCall(t, 1);
    await opened.viewers.passed(2);
    await opened.mobile.renumber(0);
    await opened.viewers.passed(2);
    await opened.viewers.live(30000);
    await assertSurvived(opened, 0);
  });

/**
 * What the vehicle's log says of each path, from the relay's reports on it.
 * @param {import('../lib/daemons.mjs').Vehicle} vehicle
 */
function describedPaths(vehicle) {
  const described = vehicle.daemon?.log.matchAll(
    /path interface=(\w+) state=(\w+) rtt_ms=([\d.]+) .*loss_pct=(\d+)/g);
  return new Map([...described ?? []].map(([, name, state, rtt, loss]) =>
    [name, { state, rtt_ms: Number(rtt), loss_percent: Number(loss) }]));
}

for (const mode of ['protect', 'duplicate']) {
  scenario(`either of two modems may pause, and none sees it, with ${mode}`,
    async (t) => {
      const opened = await openCall(t, 2, { settings: { ice: { paths: mode },
        log: { health_s: 1 } } });
      const { mobile, vehicle, viewers } = opened;
      await viewers.passed(5);
      const paths = [...describedPaths(vehicle).values()];
      assert.equal(paths.length, 2);
      assert.deepEqual(paths.map(({ state }) => state).sort(),
        ['best', 'second']);
      for (const { rtt_ms, loss_percent } of paths) {
        assert.ok(rtt_ms >= 50 && rtt_ms < 100, `round trip ${rtt_ms} ms`);
        assert.equal(loss_percent, 0);
      }
      // One after the other, so that the best one is among them.
      for (const link of mobile.links) {
        await link.tell('cut 4');
        await viewers.passed(9);
      }
      await viewers.live(5000);
      for (const { video, audio } of await viewers.end()) {
        assert.ok(video.gap_ms <= 200, `no picture for ${video.gap_ms} ms`);
        assert.ok(audio.gap_ms <= 100, `no sound for ${audio.gap_ms} ms`);
      }
      await mobile.site.hangUp(vehicle);
    });
}

scenario('of two modems one may die without end', async (t) => {
  const opened = await openCall(t, 2);
  const { mobile, viewers } = opened;
  await viewers.passed(2);
  await mobile.links[0].tell('cut forever');
  await viewers.passed(3);
  await viewers.live(30000);
  await viewers.passed(12);
  await viewers.live(30000);
  await assertSurvived(opened, 0);
});

scenario('a hang-up is heard at once though the preferred modem is dead',
  async (t) => {
    const { mobile, vehicle, viewers, call } = await openCall(t, 2);
    await mobile.links[0].tell('cut forever');
    await viewers.passed(2);
    await mobile.site.hangUp(vehicle);
    await eventually('the end of the call', async () =>
      !(await mobile.site.calls()).some(({ id }) => id === call.id), 2000);
  });

scenario('a call begins though the preferred modem is dead', async (t) => {
  const mobile = await openMobile(t, 2);
  await mobile.links[0].tell('cut forever');
  await mobile.startVehicle();
  const { viewers } = await mobile.watch();
  await viewers.live();
});
