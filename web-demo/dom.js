// The few ways in which this page touches its document. Everything that people wrote becomes text, never markup.

const SVG = 'http://www.w3.org/2000/svg';

/** @param {string} id @returns {HTMLElement} */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no #${id}`);
  return element;
}

/**
 * Makes an element. A string child is text.
 * @param {string} tag
 * @param {Record<string, string | boolean | ((event: Event) => void) | undefined>} [attributes] `text`, `onclick`, or an attribute.
 * @param {...(Node | string)} children
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    if (name === 'text') element.textContent = value;
    else if (typeof value === 'function') element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children);
  return element;
}

/** An icon of the sprite in index.html. */
export function icon(name) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS(SVG, 'use');
  use.setAttribute('href', `#icon-${name}`);
  svg.append(use);
  return svg;
}

/** Runs `draw` once for any number of calls that come in one go. */
export function batched(draw) {
  let isDue = false;
  return () => {
    if (isDue) return;
    isDue = true;
    setTimeout(() => {
      isDue = false;
      draw();
    });
  };
}

/** A clock time as people read it; the locale's own short form. */
export function clockTime(date, withSeconds = false) {
  const options = { hour: '2-digit', minute: '2-digit', ...(withSeconds && { second: '2-digit', hourCycle: 'h23' }) };
  return Number.isNaN(date.getTime()) ? '' : date.toLocaleTimeString([], options);
}

/** Says it to those who do not see the page; one message at a time, the newest wins. */
export function announce(text) {
  byId('announcer').textContent = text;
}
