// SPDX-License-Identifier: Apache-2.0
// The benchmark's load on a small scale, for what must be right however busy
// the machine is: tools/bench fanout measures the rest.

import assert from 'node:assert/strict';
import { scenario } from '../lib/call.mjs';
import { Bench, OurServer } from '../../tools/bench.d/lib.mjs';

/**
 * A load on a relay of its own.
 * @param {import('node:test').TestContext} t
 * @param {string[]} args
 */
async function load(t, args) {
  const bench = new Bench();
  t.after(() => bench.close());
  await bench.open();
  await bench.prepareStream();
  const server = new OurServer(bench);
  await server.start();
  const seen = await bench.load([...await server.args(), ...args]);
  assert.equal(await server.stop(), 0);
  return seen;
}

/** @param {import('../../tools/bench.d/lib.mjs').Load} seen */
function assertSound(seen) {
  assert.equal(seen.failed, 0, seen.error ?? 'viewers failed');
  assert.equal(seen.complete, seen.joined, 'viewers without a keyframe');
  assert.equal(seen.since_start.refused, 0, 'packets without authenticity');
  assert.equal(seen.since_start.unknown, 0, 'packets nobody sent');
  assert.equal(seen.since_start.reordered, 0, 'packets out of order');
  assert.equal(seen.since_start.doubles, 0, 'packets came twice');
  assert.ok(seen.since_start.authentic > 0, 'nothing was decrypted');
}

scenario('many viewers get every packet of a stream, once and in order',
  async (t) => {
    const seen = await load(t, ['--viewers', '20', '--join-seconds', '1',
      '--seconds', '4']);
    assertSound(seen);
    assert.equal(seen.joined, 20);
    assert.ok(seen.expected > 20 * 4 * 100, `${seen.expected} expected`);
    assert.equal(seen.lost, 0, 'packets lost');
  });

scenario('viewers who come and go harm nobody', async (t) => {
  const seen = await load(t, ['--viewers', '10', '--join-seconds', '1',
    '--stay-seconds', '1.5', '--settle-seconds', '0', '--seconds', '5']);
  assertSound({ ...seen, complete: seen.joined });
  assert.ok(seen.joined > 20, `${seen.joined} joined`);
  assert.ok(seen.complete > 10, `${seen.complete} saw a keyframe`);
});
