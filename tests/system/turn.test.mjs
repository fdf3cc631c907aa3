// SPDX-License-Identifier: Apache-2.0
// Networks that let a vehicle reach its relay through a TURN server alone.

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keepLog, scenario } from '../lib/call.mjs';
import { Daemon } from '../lib/daemons.mjs';
import { MobileSite } from '../lib/mobile.mjs';

/** Of the relay's machine, as the first modem reaches it. */
const TURN = '10.77.1.1';
const [USER, PASSWORD] = ['ambulance', 'of-the-test'];

/**
 * @param {import('node:test').TestContext} t
 * @param {MobileSite} mobile
 * @param {'udp' | 'tcp'} transport the only one it takes
 */
async function startTurn(t, mobile, transport) {
  const server = new Daemon('turnserver', ['turnserver', '-n', '-v',
    '--log-file', 'stdout', '--pidfile', join(mobile.folder, 'turn.pid'),
    '--listening-ip', TURN, '--relay-ip', TURN, '--listening-port', '3478',
    '--lt-cred-mech', '--user', `${USER}:${PASSWORD}`, '--realm', 'test',
    '--no-tls', '--no-dtls', '--no-cli', '--userdb',
    join(mobile.folder, 'turn.db'),
    transport === 'udp' ? '--no-tcp' : '--no-udp'], { namespace: mobile.net.namespace });
  t.after(() => server.stop());
  keepLog(t, server);
  await server.says(/listener opened on ?: 10\.77\.1\.1:3478/i);
  return server;
}

for (const transport of /** @type {const} */ (['udp', 'tcp'])) {
  scenario(`a call comes through by TURN over ${transport.toUpperCase()} alone`,
    async (t) => {
      const folder = await mkdtemp(join(tmpdir(), 'bluelight-test-'));
      const mobile = new MobileSite(t, folder);
      const opened = mobile.open(1, 1);
      t.after(() => rm(folder, { recursive: true }));
      await opened;
      await mobile.forbidMedia();
      await startTurn(t, mobile, transport);
      const vehicle = await mobile.startVehicle({ settings: { ice: { servers:
        `turn:${USER}:${PASSWORD}@${TURN}:3478?transport=${transport}` } } });
      const { viewers } = await mobile.watch();
      await viewers.live();
      await viewers.passed(3);
      await viewers.live();
      assert.match(vehicle.daemon?.log ?? '', /media flows: up0: relay/);
    });
}
