// SPDX-License-Identifier: Apache-2.0
// A relay behind a firewall that lets no UDP in, and a vehicle behind its
// carrier's NAT: full ICE brings them together, ICE-lite doesn't.

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openCall, startChromium, watch } from '../lib/browsers.mjs';
import { scenario } from '../lib/call.mjs';
import { eventually, http } from '../lib/daemons.mjs';
import { NatSite } from '../lib/nat.mjs';

/** @param {import('node:test').TestContext} t */
async function openSite(t) {
  const folder = await mkdtemp(join(tmpdir(), 'bluelight-test-'));
  const nat = new NatSite(t, folder);
  const opened = nat.open();
  t.after(() => rm(folder, { recursive: true }));
  await opened;
  return nat;
}

/** The relay's figures of full ICE, by name and type. @param {NatSite} nat */
async function figures(nat) {
  const { text } = await http(nat.site.relay,
    `${nat.site.relay.loopback}/metrics`);
  return Object.fromEntries([...text.matchAll(
    /^bluelight_full_ice_(\w+?)(?:\{type="(\w+)"\})? (\d+)/gm)]
    .map(([, name, type, count]) => [type ?? name, Number(count)]));
}

for (const transport of /** @type {const} */ (['udp', 'tcp'])) {
  scenario(`the relay's own TURN server over ${
    transport.toUpperCase()} carries a call to a relay that nobody reaches`,
  async (t) => {
    const nat = await openSite(t);
    await (transport === 'udp' ? nat.onlyTurn('hospital')
      : nat.noUdp('hospital'));
    await nat.startRelay({ ice: 'full', ice_servers: nat.turn(transport) });
    await nat.startVehicle({ ice: { servers: nat.stun } });
    const call = await nat.site.call('north');
    const viewers = await nat.watch(call, 'hospital');
    await viewers.live();
    assert.equal((await figures(nat)).relay, 1);
    await viewers.passed(3);
    await viewers.live();
  });
}

scenario('with STUN alone both ends open their firewalls to each other',
  async (t) => {
    const nat = await openSite(t);
    await nat.startRelay({ ice: 'full', ice_servers: nat.stun });
    await nat.startVehicle({ ice: { servers: nat.stun } });
    const viewers = await nat.watch(await nat.site.call('north'), 'hospital');
    await viewers.live();
    assert.equal((await figures(nat)).relay, 0);
  });

scenario('a browser in the hospital reaches the worker without its agent',
  async (t) => {
    const nat = await openSite(t);
    await nat.onlyTurn('hospital');
    const relay = await nat.startRelay({ ice: 'full',
      ice_servers: nat.turn('udp') });
    await nat.startVehicle({ ice: { servers: nat.stun } });
    await nat.site.call('north');
    const browser = await startChromium(t,
      { namespace: nat.machine('hospital') });
    await watch(await openCall(browser, relay));
    // The vehicle's is left.
    await eventually('one agent', async () =>
      (await figures(nat)).sessions === 1);
  });

scenario('an outage of ten seconds ends by itself', async (t) => {
  const nat = await openSite(t);
  await nat.onlyTurn('hospital');
  await nat.startRelay({ ice: 'full', ice_servers: nat.turn('udp') });
  await nat.startVehicle({ ice: { servers: nat.stun } });
  const call = await nat.site.call('north');
  const viewers = await nat.watch(call, 'hospital');
  await viewers.live();
  await nat.cut('carrier');
  await viewers.until('without pictures', (s) => s.fps_mean === 0);
  await viewers.passed(9);
  await nat.mend();
  await viewers.live(30000);
  assert.equal((await nat.site.call('north')).id, call.id);
  const [{ closed_ms, video }] = await viewers.end();
  assert.equal(closed_ms, null);
  assert.equal(video.sequence_jumps, 0);
  assert.ok(video.gap_ms >= 9000, 'there was no outage');
});

scenario('a TURN server that refuses is named, and its password is not',
  async (t) => {
    const nat = await openSite(t);
    await nat.onlyTurn('hospital');
    const relay = await nat.startRelay({ ice: 'full',
      ice_servers: nat.turn('udp', 'mistaken') });
    await nat.startVehicle();
    await relay.daemon?.says(
      /no TURN server gives us an address \(203\.0\.113\.129 port 3478 /);
    assert.doesNotMatch(relay.daemon?.log ?? '', /mistaken/);
  });

scenario('ICE-lite does not get through the same networks', async (t) => {
  const nat = await openSite(t);
  const relay = await nat.startRelay({ ice: 'lite' });
  const vehicle = await nat.startVehicle({ ice: { servers: nat.stun } });
  await vehicle.daemon?.says(/no path to the relay's media address/,
    { ms: 30000 });
  assert.doesNotMatch(relay.daemon?.log ?? '', /connected as publisher/);
});
