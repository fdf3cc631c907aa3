// SPDX-License-Identifier: Apache-2.0
// What a hostile network may send to the media port.

import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { scenario } from '../lib/call.mjs';
import { Daemon } from '../lib/daemons.mjs';
import { openSite } from '../lib/site.mjs';
import { assertUnbroken } from '../lib/viewers.mjs';

const FLOOD = fileURLToPath(new URL('flood.py', import.meta.url));
const SECONDS = 4;
/** Datagrams a second from each of two machines: ten times a call's own. */
const RATE = 3000;

/* Compounds and checks of a viewer who floods, each 10 ms. */
const FLOOD_OF_EACH = 10;

/**
 * @param {import('../lib/site.mjs').Site} site
 * @param {import('../lib/netns.mjs').Machine} machine
 */
async function flood(site, machine) {
  const daemon = new Daemon('flood', ['/usr/bin/python3', FLOOD, 'up0',
    machine.relay, String(site.relay.mediaPort), String(SECONDS),
    String(RATE)], machine);
  assert.equal(await daemon.ended, 0, daemon.log);
  return JSON.parse(daemon.log);
}

scenario('garbage, forged and replayed datagrams cost viewers nothing',
  async (t) => {
    const site = await openSite(t);
    const { machine, vehicle, call }
      = await site.startCall('ambulance-1', 'north');
    const viewers = await site.watch(call);
    await viewers.live();
    const floods = await Promise.all([machine, site.watcher].map(
      (from) => flood(site, from)));
    await viewers.live();
    await viewers.passed(2);
    const { workers } = await site.api('/api/health');
    t.diagnostic(JSON.stringify({ floods, drops: workers[0].drops }));
    for (const { random, replayed } of floods) {
      assert.ok(random > RATE && replayed > 100, 'it was no flood');
    }
    const { drops } = workers[0];
    for (const reason of ['replay', 'auth', 'unknown_address', 'garbage']) {
      assert.ok(drops[reason] > 100, `${drops[reason]} dropped as ${reason}`);
    }
    const [viewed] = await viewers.end();
    assertUnbroken(viewed);
    await site.hangUp(vehicle);
    assert.deepEqual((await site.recording(call)).gaps, []);
  });

scenario('a viewer who floods costs the others nothing, nor the ambulance',
  async (t) => {
    const site = await openSite(t, { machines: ['hostile'] });
    const { vehicle, call } = await site.startCall('ambulance-1', 'north');
    const viewers = await site.watch(call);
    await viewers.live();
    const hostile = await site.watch(call, 1,
      { from: site.machines.hostile, flood: FLOOD_OF_EACH });
    await hostile.until('there', ({ connected }) => connected === 1);
    const from = viewers.seconds.length;
    await viewers.passed(2 * SECONDS);
    const keyframes = viewers.seconds.slice(from)
      .reduce((sum, second) => sum + second.keyframes, 0);
    const { workers: [worker] } = await site.api('/api/health');
    t.diagnostic(JSON.stringify({ keyframes, drops: worker.drops,
      rtx_sent: worker.rtx_sent }));
    assert.ok(worker.drops.budget > 1000, 'it was no flood');
    // One each two seconds without him, and as many for him.
    assert.ok(keyframes <= 3 * SECONDS, `${keyframes} keyframes came`);
    await viewers.live();
    const [viewed] = await viewers.end();
    assertUnbroken(viewed);
    await hostile.end();
    await site.hangUp(vehicle);
    assert.deepEqual((await site.recording(call)).gaps, []);
  });
