// SPDX-License-Identifier: Apache-2.0
// Networks that say "congestion" without losing anything (ECN, RFC 9331).

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { scenario } from '../lib/call.mjs';
import { MobileSite } from '../lib/mobile.mjs';

/** @typedef {import('../lib/daemons.mjs').Vehicle} Vehicle */

/**
 * What the vehicle's log says of its path from then on, once it says it.
 * @param {Vehicle} vehicle
 */
async function nextReport(vehicle) {
  const { daemon } = vehicle;
  assert.ok(daemon);
  const [, loss, kbps] = await daemon.says(
    /path interface=up0 .*loss_pct=(\d+) target_kbps=(\d+)/,
    { from: daemon.log.length });
  return { loss: Number(loss), kbps: Number(kbps) };
}

scenario('a network that marks packets is sent less, and loses none',
  async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'bluelight-test-'));
    const mobile = new MobileSite(t, folder);
    const opened = mobile.open(1, 1);
    t.after(() => rm(folder, { recursive: true }));
    await opened;
    const vehicle = await mobile.startVehicle({
      settings: { log: { health_s: 1 } } });
    const { viewers } = await mobile.watch();
    await viewers.live();
    await viewers.passed(4);
    const before = await nextReport(vehicle);
    const [link] = mobile.links;
    assert.ok(link.seconds.every(({ up }) => up.marked === 0));

    await link.tell('up ce=0.5');
    await viewers.passed(4);
    const marked = await nextReport(vehicle);
    assert.ok(marked.kbps < before.kbps / 2,
      `${marked.kbps} kb/s, ${before.kbps} before`);
    assert.equal(marked.loss, 0);
    await link.tell('up ce=0');
    await viewers.passed(8);
    const after = await nextReport(vehicle);
    assert.ok(after.kbps > 2 * marked.kbps,
      `${after.kbps} kb/s, ${marked.kbps} before`);
    await viewers.live();

    const total = await link.end();
    assert.ok(total.up.marked > 100, `${total.up.marked} marks`);
    assert.deepEqual(Object.values(total.up.drops), [0, 0, 0, 0]);
  });
