// SPDX-License-Identifier: Apache-2.0
// docs/api.md names every member of what the relay and the vehicle answer.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';

import { scenario, startCall, startRelay } from '../lib/call.mjs';
import { hangUp } from '../lib/pages.mjs';

const PATIENCE_MS = 20000;

/**
 * The names of all members, those of objects in it included.
 * @param {any} value
 * @returns {string[]}
 */
function members(value) {
  if (Array.isArray(value)) return value.flatMap(members);
  if (value === null || typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([name, inner]) =>
    // Causes of drops are the metrics' labels: docs/metrics.md.
    (name === 'drops' ? [name] : [name, ...members(inner)]));
}

/**
 * @param {string} url
 * @param {(answer: any) => boolean} wanted
 * @param {Record<string, string>} [headers]
 */
async function ask(url, wanted, headers = {}) {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const response = await fetch(url, { headers });
    const answer = await response.json();
    if (response.ok && wanted(answer)) return answer;
    assert.ok(Date.now() < end, `${url}: ${JSON.stringify(answer)}`);
    await new Promise((done) => setTimeout(done, 200));
  }
}

/**
 * The cookie of a person of this role.
 * @param {import('../lib/daemons.mjs').Relay} relay
 * @param {'clinician' | 'it'} role
 */
async function cookieOf(relay, role) {
  const code = await relay.person(role, role);
  const response = await fetch(`${relay.loopback}/api/sign-in`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Origin: relay.loopback },
    body: JSON.stringify({ code }),
  });
  assert.equal(response.status, 200, await response.text());
  const [cookie] = (response.headers.get('set-cookie') ?? '').split(';');
  return cookie;
}

scenario('All that the APIs answer is in docs/api.md', async (t) => {
  const relay = await startRelay(t);
  const vehicle = await startCall(t, relay);
  const Cookie = await cookieOf(relay, 'it');
  /** @param {string} path @param {(answer: any) => boolean} wanted */
  const get = (path, wanted) => ask(`${relay.loopback}/api/${path}`, wanted,
    { Cookie });

  const { calls: [{ id }] } = await get('calls',
    ({ calls }) => calls[0]?.state === 'live');
  const { recordings: [recording] } = await get('recordings',
    ({ recordings }) => recordings[0]?.duration_us > 0);
  const answers = [
    await get('time', () => true), await get('me', () => true),
    await get('calls', () => true), await get(`calls/${id}`, () => true),
    await get('recordings', () => true),
    await get(`recordings/${recording.id}`,
      ({ parts }) => parts[0]?.fragments.length > 0),
    await get('audit', ({ entries }) => entries.length > 0),
    await get('health', ({ workers }) => workers[0]?.packets_in > 0),
    await ask(`${vehicle.url}/api/state`, ({ paths }) => paths.length > 0),
  ];
  await hangUp(vehicle);
  answers.push(await get(`calls/${id}`, ({ state }) => state === 'ended'));

  const text = await readFile(new URL('../../docs/api.md', import.meta.url),
    'utf8');
  const names = [...new Set(answers.flatMap(members))];
  assert.ok(names.length > 80, `${names.length} names`);
  assert.deepEqual(names.filter((name) =>
    !text.includes(`"${name}"`) && !text.includes(`\`${name}\``)), []);
});
