// SPDX-License-Identifier: Apache-2.0
// aiortc, as Debian packages it, watches a call of the real vehicle.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { scenario, startCall, startRelay } from '../lib/call.mjs';
import { eventually } from '../lib/daemons.mjs';

const VIEWER = fileURLToPath(new URL('aiortc_viewer.py', import.meta.url));
const run = promisify(execFile);

/**
 * The id of the one call there is, once it is live.
 * @param {import('../lib/daemons.mjs').Relay} relay
 */
function liveCall(relay) {
  return eventually('the call is live', async () => {
    const response = await fetch(`${relay.loopback}/api/health`);
    const { calls } = /** @type {any} */ (await response.json());
    const call = calls.find((/** @type {any} */ c) => c.state === 'live');
    return call?.id;
  });
}

/**
 * @param {import('../lib/daemons.mjs').Relay} relay
 * @param {string} call
 * @param {string} token
 */
async function view(relay, call, token) {
  const { stdout } = await run('/usr/bin/python3', [VIEWER,
    `${relay.url}/whep/${call}`, token,
    join(relay.folder, 'certs/ca.pem')], { timeout: 60000 });
  return JSON.parse(stdout);
}

scenario('aiortc decodes pictures and sound of a call, and leaves',
  async (t) => {
    const relay = await startRelay(t);
    await startCall(t, relay);
    const call = await liveCall(relay);
    const seen = await view(relay, call, await relay.token('--view', call));
    t.diagnostic(JSON.stringify(seen));
    assert.equal(seen.status, 201);
    assert.equal(seen.enough, true, JSON.stringify(seen));
    assert.deepEqual(seen.size, [640, 360]);
    assert.equal(seen.left, 200);
  });

scenario('aiortc is refused without the call\'s token', async (t) => {
  const relay = await startRelay(t);
  await startCall(t, relay);
  const call = await liveCall(relay);
  const refused = await view(relay, call, 'not-a-token-that-we-know-of');
  assert.equal(refused.status, 401, JSON.stringify(refused));
});
