import htm from 'htm';
import { h } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

export const html = htm.bind(h);

/** What people are called who are shown so. */
export const MODES = {
  online: 'Online',
  chat: 'Free for chat',
  idle: 'Idle',
  dnd: 'Do not disturb',
  offline: 'Offline',
  invisible: 'Invisible',
};

export function Mode({ mode }) {
  return html`<span class="mode" data-mode=${mode}>${MODES[mode] ?? mode}</span>`;
}

/** A point in time, and how long ago it was or how soon it comes. */
export function When({ at, none = 'never' }) {
  const now = useNow();
  if (at === null || at === undefined) return html`<span class="quiet">${none}</span>`;
  const date = new Date(at);
  return html`<time datetime=${date.toISOString()} title=${date.toLocaleString()}
    >${distance(at - now)}</time
  >`;
}

function useNow() {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 5000);
    return () => clearInterval(timer);
  }, []);
  return now;
}

const UNITS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1000],
];

function distance(ms) {
  const [unit, size] = UNITS.find(([, length]) => Math.abs(ms) >= length) ?? UNITS[3];
  const count = Math.trunc(ms / size);
  if (count === 0) return 'just now';
  return new Intl.RelativeTimeFormat('en', { numeric: 'always' }).format(count, unit);
}

export function Status({ text, emoji }) {
  if (!text && !emoji) return html`<span class="quiet">none</span>`;
  return html`<span>${[emoji, text].filter(Boolean).join(' ')}</span>`;
}

/** Says what went wrong, at once, also to those who do not see it. */
export function Trouble({ children }) {
  return html`<p class="trouble" role="alert">${children}</p>`;
}

export function Card({ title, id, children, ...rest }) {
  const label = id ?? title.toLowerCase().replace(/\W+/g, '-');
  return html`<section class="card" aria-labelledby=${label} ...${rest}>
    <h2 id=${label}>${title}</h2>
    ${children}
  </section>`;
}

/** The heading of a page; whoever comes to it by a link hears it first. */
export function Heading({ children }) {
  return html`<h1 tabindex="-1" ref=${useFocus()}>${children}</h1>`;
}

/** Puts the focus on what it is the ref of, once that has come. */
export function useFocus() {
  const ref = useRef(null);
  useEffect(() => ref.current?.focus({ preventScroll: true }), []);
  return ref;
}
