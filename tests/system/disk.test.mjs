// SPDX-License-Identifier: Apache-2.0
// A disk that fills up during a call.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { scenario } from '../lib/call.mjs';
import { eventually } from '../lib/daemons.mjs';
import { endOf, inspect, openSite } from '../lib/site.mjs';
import { assertUnbroken } from '../lib/viewers.mjs';

const run = promisify(execFile);
const MIB = 1 << 20;

/**
 * A small disk of its own. What goes on it belongs to the caller; it is gone
 * after the test, in which nobody has a file there any more.
 * @param {number} mib
 */
async function smallDisk(mib) {
  const disk = await mkdtemp(join(tmpdir(), 'bluelight-disk-'));
  await run('mount', ['-t', 'tmpfs', '-o', `size=${mib}m`, 'tmpfs', disk]);
  return { disk, remove: async () => {
    await run('umount', ['--lazy', disk]);
    await rm(disk, { recursive: true });
  } };
}

scenario('a full disk stops the recording, says so, and never the call',
  async (t) => {
    const { disk, remove } = await smallDisk(100);
    const opening = openSite(t, { folder: disk });
    // What is registered first is done first: the site goes before its disk.
    await opening.finally(() => t.after(remove));
    const site = await opening;
    const { vehicle, call } = await site.startCall('ambulance-1', 'north');
    const viewers = await site.watch(call);
    await viewers.live();
    await viewers.passed(2);
    const ballast = join(disk, 'ballast');
    await writeFile(ballast, Buffer.alloc(60 * MIB));
    const { message } = await eventually('the full disk is known', async () => {
      const [{ recording }] = await site.calls();
      return !recording.ok && recording;
    });
    t.diagnostic(String(message));
    assert.match(String(message), /only \d+ MiB are left .*: make room/);
    await viewers.passed(1);
    await viewers.live();

    await rm(ballast);
    await eventually('it goes on', async () =>
      (await site.calls())[0].recording.ok);
    await viewers.passed(2);
    const [viewed] = await viewers.end();
    assertUnbroken(viewed);
    assert.ok(viewed.video.gap_ms < 1000, `${viewed.video.gap_ms} ms without`);
    await site.hangUp(vehicle);

    const recording = await site.recording(call);
    assert.equal(recording.parts.length, 2);
    assert.deepEqual([...new Set(recording.gaps.map((gap) => gap.reason))],
      ['disk full']);
    for (const part of recording.parts) {
      const film = await inspect(site.relay, recording, part);
      assert.equal(film.complaints, '');
    }
    const [gap] = recording.gaps;
    assert.ok(gap.start_us / 1e6 <= endOf(recording.parts[0]) + 0.1);
  });
