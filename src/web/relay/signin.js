// SPDX-License-Identifier: Apache-2.0

import { post } from './api.js';
import { el, setText, show } from './dom.js';

/**
 * @param {HTMLElement} main
 * @param {string | null} problem why a one-time code was refused
 * @param {() => void} onSignedIn
 */
export function signInPage(main, problem, onSignedIn) {
  const message = el('p', { role: 'alert', class: 'problem' }, problem ?? '');
  show(message, problem !== null);
  const name = el('input', {
    id: 'name', name: 'name', autocomplete: 'username', required: true,
    maxLength: 64, autocapitalize: 'none', spellcheck: false,
  });
  const password = el('input', {
    id: 'password', name: 'password', type: 'password', required: true,
    autocomplete: 'current-password', maxLength: 256,
  });
  const button = el('button', { type: 'submit', class: 'main' }, 'Sign in');
  const form = el('form', {
    class: 'sign-in',
    onsubmit: async (/** @type {SubmitEvent} */ event) => {
      event.preventDefault();
      button.disabled = true;
      try {
        await post('/api/sign-in',
          { name: name.value, password: password.value });
        onSignedIn();
      } catch (error) {
        setText(message, /** @type {Error} */ (error).message);
        show(message, true);
        password.value = '';
        password.focus();
      } finally {
        button.disabled = false;
      }
    },
  },
  el('h1', {}, 'Sign in'),
  message,
  el('label', { htmlFor: 'name' }, 'Name'), name,
  el('label', { htmlFor: 'password' }, 'Password'), password,
  button);
  main.replaceChildren(form);
  name.focus();
}
