// SPDX-License-Identifier: Apache-2.0
// A relay, and a call from an ambulance to it.

import { test } from 'node:test';

import { makeCertificates, Relay, scratch, Vehicle } from './daemons.mjs';

/** @typedef {import('node:test').TestContext} TestContext */

/** @type {WeakMap<TestContext, import('./daemons.mjs').Daemon[]>} */
const daemons = new WeakMap();

/**
 * A test that says, if it fails, what its daemons said.
 * @param {string} name
 * @param {(t: TestContext) => Promise<void>} body
 * @param {{ long?: boolean }} [options] long: only with tools/test --long
 */
export function scenario(name, body, { long = false } = {}) {
  const skip = long && !process.env.BL_LONG && 'run tools/test --long';
  test(name, { timeout: 120000, skip }, async (t) => {
    daemons.set(t, []);
    try {
      await body(t);
    } catch (error) {
      for (const daemon of daemons.get(t) ?? []) {
        const lines = daemon.log.slice(-6000).trim().split('\n');
        for (const line of [`${daemon.name} said:`, ...lines]) {
          t.diagnostic(line);
        }
      }
      throw error;
    } finally {
      // Before the hooks of t.after(), which take away the daemons' folder.
      for (const daemon of daemons.get(t)?.reverse() ?? []) {
        await daemon.stop();
      }
    }
  });
}

/**
 * Keeps what this daemon says for the case that the test fails.
 * @param {TestContext} t
 * @param {import('./daemons.mjs').Daemon | null} daemon
 */
export function keepLog(t, daemon) {
  if (daemon) daemons.get(t)?.push(daemon);
}

/**
 * A running relay whose certificate is good for this machine.
 * @param {TestContext} t
 * @param {Record<string, Record<string, string | number>>} [settings]
 */
export async function startRelay(t, settings = {}) {
  const folder = await scratch(t);
  await makeCertificates(folder, ['127.0.0.1', 'localhost'], ['ambulance-1']);
  const relay = new Relay(t, { folder, settings });
  await relay.start();
  keepLog(t, relay.daemon);
  return relay;
}

/**
 * @param {TestContext} t
 * @param {Relay} relay
 */
export async function startCall(t, relay) {
  const vehicle = new Vehicle(t, {
    folder: relay.folder, relay, unit: 'ambulance-1',
  });
  await vehicle.start('--call', 'north');
  keepLog(t, vehicle.daemon);
  return vehicle;
}
