// SPDX-License-Identifier: Apache-2.0
// A few words for building pages. Text is always set as text, never as HTML.

/**
 * Makes an element: `el('a', { href: '#' }, 'text', child)`. A property whose
 * name starts with "on" is a listener; `class` and `aria-…` are attributes.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, any>} [properties]
 * @param {...(Node | string | null)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith('on')) {
      element.addEventListener(name.slice(2), value);
    } else if (name in element) {
      /** @type {any} */ (element)[name] = value;
    } else {
      element.setAttribute(name, value);
    }
  }
  for (const child of children) {
    if (child !== null) element.append(child);
  }
  return element;
}

/**
 * Shows or hides an element without rebuilding it.
 * @param {HTMLElement} element
 * @param {boolean} shown
 */
export function show(element, shown) {
  element.hidden = !shown;
}

/**
 * Sets text only when it changes, so that screen readers are not told twice.
 * @param {HTMLElement} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** @param {number} unixUs */
export function dateTime(unixUs) {
  return new Date(unixUs / 1000).toLocaleString([], {
    dateStyle: 'medium', timeStyle: 'medium',
  });
}

/** @param {number} us a duration */
export function duration(us) {
  const seconds = Math.max(0, Math.round(us / 1e6));
  const parts = [Math.floor(seconds / 60) % 60, seconds % 60]
    .map((n) => String(n).padStart(2, '0'));
  const hours = Math.floor(seconds / 3600);
  return (hours > 0 ? [String(hours), ...parts] : parts).join(':');
}
