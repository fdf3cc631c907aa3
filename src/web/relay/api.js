// SPDX-License-Identifier: Apache-2.0
// The relay's API: JSON over fetch, errors as sentences for people.

/* A relay that is silent for so long does not answer. */
const PATIENCE_MS = 8000;

export class ApiError extends Error {
  /**
   * @param {number} status HTTP status, 0 if the relay was not reached
   * @param {string} message
   */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/**
 * @param {string} path
 * @param {RequestInit} [init]
 * @returns {Promise<Response>} a response of 2xx
 */
export async function request(path, init = {}) {
  let response;
  try {
    response = await fetch(path, {
      cache: 'no-store', credentials: 'same-origin', ...init,
    });
  } catch {
    throw new ApiError(0, 'The relay does not answer. Check this computer’s '
      + 'network; the page tries again by itself.');
  }
  if (response.ok) return response;
  const text = await response.text();
  let message = text.trim() || `The relay answered ${response.status}.`;
  try {
    message = JSON.parse(text).error ?? message;
  } catch {
    // Plain text is as good.
  }
  throw new ApiError(response.status, sentence(message));
}

/**
 * The relay's words as a sentence: with a capital and a full stop.
 * @param {string} words
 */
function sentence(words) {
  const end = /[.!?]$/.test(words) ? '' : '.';
  return words.charAt(0).toUpperCase() + words.slice(1) + end;
}

/**
 * @param {string} path
 * @returns {Promise<any>}
 */
export async function get(path) {
  const signal = AbortSignal.timeout(PATIENCE_MS);
  return (await request(path, { signal })).json();
}

/**
 * @param {string} path
 * @param {object} [body]
 * @returns {Promise<any>}
 */
export async function post(path, body = {}) {
  const response = await request(path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
  const text = await response.text();
  return text ? JSON.parse(text) : null;
}

/**
 * @param {number} ms
 * @param {AbortSignal} signal ends it early
 */
export function pause(ms, signal) {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve(undefined);
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end);
  });
}

/**
 * Calls `tick` now and then every `intervalMs` until the signal aborts; one
 * call at a time. One that fails is not the last: what it keeps up to date
 * must not stand still unnoticed.
 * @param {number} intervalMs
 * @param {AbortSignal} signal
 * @param {() => Promise<void>} tick
 */
export async function poll(intervalMs, signal, tick) {
  while (!signal.aborted) {
    try {
      await tick();
    } catch (error) {
      console.error(error);
    }
    await pause(intervalMs, signal);
  }
}
