// SPDX-License-Identifier: Apache-2.0
// What a person reads when a call can't be, or a program can't start.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { scenario, startRelay } from '../lib/call.mjs';
import { Daemon, PROGRAMS, ROOT, Relay, Vehicle, freePorts, makeCertificates,
  mint, scratch } from '../lib/daemons.mjs';

const run = promisify(execFile);

/** @typedef {import('node:test').TestContext} TestContext */

/**
 * What a program says that gives up.
 * @param {Daemon} daemon
 */
async function failure(daemon) {
  const timer = setTimeout(() => daemon.kill(), 20000);
  const status = await daemon.ended;
  clearTimeout(timer);
  assert.equal(status, 1, daemon.log);
  return daemon.log;
}

/**
 * What a vehicle says about a call that doesn't come about.
 * @param {Vehicle} vehicle
 * @param {string} [ed]
 */
async function refusal(vehicle, ed = 'north') {
  await vehicle.configure();
  vehicle.daemon = new Daemon(vehicle.unit,
    [PROGRAMS.vehicle, '--config', vehicle.config, '--call', ed]);
  return failure(vehicle.daemon);
}

/**
 * A certificate that ended long ago, in place of the one of that name.
 * @param {string} certs
 * @param {string} name
 * @param {'relay' | 'vehicle'} kind
 */
async function expire(certs, name, kind) {
  const config = join(ROOT, 'certs/openssl.cnf');
  const request = join(certs, `${name}.csr`);
  const env = { ...process.env, BL_MINT_DIR: certs,
    BL_MINT_SAN: 'IP:127.0.0.1' };
  await run('openssl', ['req', '-new', '-config', config, '-subj',
    `/CN=${name}`, '-key', join(certs, `${name}.key`), '-out', request],
  { env });
  await run('openssl', ['ca', '-batch', '-notext', '-config', config,
    '-extensions', kind, '-startdate', '20200101000000Z', '-enddate',
    '20200201000000Z', '-in', request, '-out', join(certs, `${name}.pem`)],
  { env });
}

scenario('a vehicle says why the relay refuses it', async (t) => {
  const folder = await scratch(t);
  const certs = await makeCertificates(folder, ['127.0.0.1'],
    ['ambulance-1', 'revoked-1']);
  const others = await makeCertificates(join(folder, 'others'), ['127.0.0.1'],
    ['stranger-1']);
  const relay = new Relay(t, { folder,
    settings: { tls: { vehicle_crl: join(certs, 'crl.pem') } } });
  await relay.start();
  const make = (/** @type {string} */ unit, where = folder, keys = {}) =>
    new Vehicle(t, { folder: where, relay, unit, settings: { relay: keys } });

  await t.test('an ED that is not there', async () => {
    assert.match(await refusal(make('ambulance-1'), 'west'),
      /did not come about: .*no department of that name.*north.*south/);
  });
  await t.test('a certificate that was revoked while the relay runs',
    async () => {
      const keys = { certificate: join(folder, 'revoked-1.pem'),
        key: join(folder, 'revoked-1.key') };
      for (const end of ['pem', 'key']) {
        await run('cp', [join(certs, `revoked-1.${end}`), folder]);
      }
      await mint(certs, 'revoke', 'revoked-1');
      assert.match(await refusal(make('revoked-1', folder, keys)),
        /did not come about: .*it says: .*revoked/);
    });
  await t.test('a certificate of another authority', async () => {
    assert.match(await refusal(make('stranger-1', join(folder, 'others'),
      { ca: join(certs, 'ca.pem') })), /did not come about: .*it says: .*not signed by a CA/);
  });
  await t.test('a relay of another authority than the vehicle trusts',
    async () => {
      assert.match(await refusal(make('ambulance-1', folder,
        { ca: join(others, 'ca.pem') })),
      /did not come about: .*signed by another authority.*\[relay\] ca/);
    });
  await t.test('its own certificate has expired', async () => {
    await expire(certs, 'ambulance-1', 'vehicle');
    assert.match(await refusal(make('ambulance-1')),
      /ambulance-1\.pem expired on 2020-02-01: install a new one/);
  });
});

scenario('neither program starts without the ciphers of media', async (t) => {
  const folder = await scratch(t);
  await makeCertificates(folder, ['127.0.0.1'], ['ambulance-1']);
  const relay = new Relay(t, { folder });
  await relay.configure();
  const vehicle = new Vehicle(t, { folder, relay, unit: 'ambulance-1' });
  await vehicle.configure();
  const openssl = join(folder, 'base.cnf');
  await writeFile(openssl, `openssl_conf = start
[start]
providers = some
[some]
base = on
[on]
activate = 1
`);
  for (const argv of [[PROGRAMS.relay, '--config', relay.config],
    [PROGRAMS.relay, '--check-config', '--config', relay.config],
    [PROGRAMS.vehicle, '--config', vehicle.config],
    [PROGRAMS.vehicle, '--check-config', '--config', vehicle.config]]) {
    const log = await failure(new Daemon('refused',
      ['env', `OPENSSL_CONF=${openssl}`, ...argv]));
    assert.match(log, /^bluelight-(relay|vehicle): OpenSSL gives no AES-128-GCM.*OPENSSL_CONF/m);
  }
});

/**
 * What a relay says that does not start.
 * @param {string} config
 */
async function startFailure(config) {
  return failure(new Daemon('relay', [PROGRAMS.relay, '--config', config]));
}

scenario('a relay says why it does not start, and leaves a running one alone',
  async (t) => {
    const running = await startRelay(t);
    const other = join(running.folder, 'other');
    await mkdir(other, { mode: 0o700 });
    const config = join(other, 'relay.ini');
    const text = (await readFile(running.config, 'utf8'))
      .replace(running.store, other);
    const moved = text.replaceAll(/^(\w*port) = \d+$/gm, '$1 = 0')
      .replace(/^port = 0$/m, `port = ${running.port}`);

    await t.test('a port that is in use', async () => {
      await writeFile(config, moved);
      assert.match(await startFailure(config),
        new RegExp(`${running.port}.*in use`));
    });
    await t.test('a key that it does not know', async () => {
      await writeFile(config, text);
      await appendFile(config, '\n[media]\nprot = 50000\n');
      const line = text.split('\n').length + 2;
      assert.match(await startFailure(config),
        new RegExp(`relay\\.ini:${line}: .*prot`));
    });
    await t.test('a configuration that is not there', async () => {
      assert.match(await startFailure(join(other, 'none.ini')),
        /none\.ini.*No such file/);
    });
    await t.test('a certificate that has expired', async () => {
      await expire(join(running.folder, 'certs'), 'relay', 'relay');
      const [port] = await freePorts(1);
      await writeFile(config, moved.replace(String(running.port), `${port}`));
      assert.match(await startFailure(config), /relay\.pem.*expired/);
    });
    const { status } = await fetch(`${running.loopback}/api/time`);
    assert.equal(status, 200);
  });
