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

/** How long it has been so. */
export function For({ since }) {
  const now = useNow();
  const date = new Date(since);
  const [unit, size] = unitOf(now - since);
  const count = Math.max(0, Math.trunc((now - since) / size));
  const length = new Intl.NumberFormat('en', { style: 'unit', unit, unitDisplay: 'long' }).format(count);
  return html`for${' '}<time datetime=${date.toISOString()} title=${date.toLocaleString()}>${length}</time>`;
}

const INSTANT = /(\d{4}-\d\d-\d\dT[\d:.]+Z)/;

/** Sentences of the bridge, with the times in them as the reader's clock has them. */
export function Sentences({ texts }) {
  return html`<ul>
    ${texts.map(
      (text) =>
        html`<li>
          ${text.split(INSTANT).map((part) => (INSTANT.test(part) ? html`<${Clock} at=${part} />` : part))}
        </li>`,
    )}
  </ul>`;
}

function Clock({ at }) {
  const date = new Date(at);
  const isToday = date.toDateString() === new Date().toDateString();
  const text = isToday ? date.toLocaleTimeString() : date.toLocaleString();
  return html`<time datetime=${at} title=${date.toLocaleString()}>${text}</time>`;
}

/** Ms since 1970, every 5 s. */
export function useNow() {
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

function unitOf(ms) {
  return UNITS.find(([, length]) => Math.abs(ms) >= length) ?? UNITS[3];
}

function distance(ms) {
  const [unit, size] = unitOf(ms);
  const count = Math.trunc(ms / size);
  if (count === 0) return 'just now';
  return new Intl.RelativeTimeFormat('en', { numeric: 'always' }).format(count, unit);
}

export function Status({ text, emoji }) {
  if (!text && !emoji) return html`<span class="quiet">none</span>`;
  return html`<span>${[emoji, text].filter(Boolean).join(' ')}</span>`;
}

/** Status and last activity, of herself or as others see them. */
export function Face({ face }) {
  return html`<dl>
    <dt>Status</dt>
    <dd><${Status} ...${face} /></dd>
    <dt>Last active</dt>
    <dd><${When} at=${face.last_active_at} none="unknown" /></dd>
  </dl>`;
}

/** Her id on each network, as entries of a list of descriptions. */
export function AccountIds({ person, networks }) {
  return networks.map(
    (network) =>
      html`<dt>${network}</dt>
        <dd class="id">
          ${person[`${network}_id`]}${person.stand_ins.includes(network) && html` <span class="tag">stand-in</span>`}
        </dd>`,
  );
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
