// SPDX-License-Identifier: Apache-2.0
// Networks that let a vehicle reach its relay through a TURN server alone.

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keepLog, scenario } from '../lib/call.mjs';
import { Daemon, makeCertificates, Vehicle } from '../lib/daemons.mjs';
import { MobileSite } from '../lib/mobile.mjs';

/** Of the relay's machine, as the first modem reaches it. */
const TURN = '10.77.1.1';
const [USER, PASSWORD] = ['ambulance', 'of-the-test'];

/** @typedef {'udp' | 'tcp' | 'tls'} Transport */

/** A server that takes one of them only: what to tell it, and the vehicle. */
const transports = {
  udp: { port: 3478, url: 'turn', query: '?transport=udp',
    argv: ['--listening-port', '3478', '--no-tcp', '--no-tls'] },
  tcp: { port: 3478, url: 'turn', query: '?transport=tcp',
    argv: ['--listening-port', '3478', '--no-udp', '--no-tls'] },
  tls: { port: 5349, url: 'turns', query: '',
    argv: ['--tls-listening-port', '5349', '--no-udp', '--no-tcp'] },
};

/**
 * @param {import('node:test').TestContext} t
 * @param {MobileSite} mobile
 * @param {Transport} transport
 */
async function startTurn(t, mobile, transport) {
  const { argv, port } = transports[transport];
  const certs = join(mobile.folder, 'turn', 'certs');
  const server = new Daemon('turnserver', ['turnserver', '-n', '-v',
    '--log-file', 'stdout', '--pidfile', join(mobile.folder, 'turn.pid'),
    '--listening-ip', TURN, '--relay-ip', TURN,
    '--lt-cred-mech', '--user', `${USER}:${PASSWORD}`, '--realm', 'test',
    '--no-dtls', '--no-cli', '--userdb', join(mobile.folder, 'turn.db'),
    '--cert', join(certs, 'relay.pem'), '--pkey', join(certs, 'relay.key'),
    ...argv], { namespace: mobile.net.namespace });
  t.after(() => server.stop());
  keepLog(t, server);
  await server.says(new RegExp(`listener opened on ?: ${TURN}:${port}`, 'i'));
  return server;
}

/**
 * A relay whose media can't be reached but by a TURN server, which has a
 * certificate of its own authority's.
 * @param {import('node:test').TestContext} t
 * @param {number} modems
 * @param {Transport} transport
 */
async function openSite(t, modems, transport) {
  const folder = await mkdtemp(join(tmpdir(), 'bluelight-test-'));
  const mobile = new MobileSite(t, folder);
  const opened = mobile.open(modems, 1);
  t.after(() => rm(folder, { recursive: true }));
  await opened;
  await mobile.forbidMedia();
  const authority = await makeCertificates(join(folder, 'turn'), [TURN], []);
  await startTurn(t, mobile, transport);
  const { port, url, query } = transports[transport];
  return { mobile, ca: join(authority, 'ca.pem'),
    servers: `${url}:${USER}:${PASSWORD}@${TURN}:${port}${query}` };
}

for (const transport of /** @type {Transport[]} */ (['udp', 'tcp', 'tls'])) {
  scenario(`a call comes through by TURN over ${transport.toUpperCase()} alone,`
    + ' by each modem', async (t) => {
    const { mobile, servers, ca } = await openSite(t, 2, transport);
    const vehicle = await mobile.startVehicle({ settings: {
      ice: { servers, ca, paths: 'duplicate' }, log: { health_s: 1 } } });
    const { viewers } = await mobile.watch();
    await viewers.live();
    await viewers.passed(3);
    await viewers.live();
    const log = vehicle.daemon?.log ?? '';
    assert.match(log, /media flows: .*up[01]: relay/);
    // A path of which the relay reports nothing is in neither state.
    for (const modem of ['up0', 'up1']) {
      assert.match(log, new RegExp(`interface=${modem} state=(best|second)`));
    }
    // Each goes by its own modem, not both by the one that routes prefer.
    await mobile.links[0].tell('cut forever');
    await viewers.passed(4);
    await viewers.live(5000);
  });
}

scenario('a TURN server of another authority is refused, in clear words',
  async (t) => {
    const { mobile, servers } = await openSite(t, 1, 'tls');
    const ca = join(mobile.folder, 'certs', 'ca.pem');
    const vehicle = new Vehicle(t, { folder: mobile.folder,
      relay: mobile.site.relay, unit: 'ambulance-1', address: mobile.address,
      namespace: mobile.publisher, settings: { ice: { servers, ca } } });
    await mobile.site.startVehicle(vehicle, '--call', 'north');
    await vehicle.daemon?.says(new RegExp(`TURN server ${TURN}:5349 by up0`
      + ' can\'t be used: its certificate .* name the PEM file .*'
      + '\\[ice\\] ca'));
    assert.doesNotMatch(vehicle.daemon?.log ?? '', /state live/);
  });
