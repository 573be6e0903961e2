import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { html, MODES, useNow } from './parts.js';

const SHOWN = ['online', 'chat', 'idle', 'dnd'];
const DASHES = { online: [], chat: [8, 4], idle: [2, 3], dnd: [10, 3, 2, 3] };
const HEIGHT = 240;

/** How many people were shown as what; `samples` oldest first. */
export function Chart({ samples }) {
  const box = useRef(null);
  const plot = useRef(null);
  const now = useNow();
  const upToNow = untilNow(samples, now);

  useEffect(() => {
    const dark = matchMedia('(prefers-color-scheme: dark)');
    const draw = () => {
      plot.current?.destroy();
      plot.current = new uPlot(options(box.current), columns(upToNow), box.current);
    };
    const resize = new ResizeObserver(() => {
      plot.current?.setSize({ width: box.current.clientWidth, height: HEIGHT });
    });
    draw();
    resize.observe(box.current);
    dark.addEventListener('change', draw);
    return () => {
      resize.disconnect();
      dark.removeEventListener('change', draw);
      plot.current?.destroy();
    };
  }, []);

  useEffect(() => plot.current?.setData(columns(upToNow)), [samples, now]);

  return html`<div ref=${box} class="chart" aria-hidden="true"></div>
    <details>
      <summary>The same as a table</summary>
      <${Table} samples=${samples} />
    </details>`;
}

function Table({ samples }) {
  const some = samples.slice(-12).reverse();
  return html`<table>
    <caption class="unseen">
      People shown as what, the newest first
    </caption>
    <thead>
      <tr>
        <th scope="col">Time</th>
        ${SHOWN.map((mode) => html`<th scope="col" class="number">${MODES[mode]}</th>`)}
      </tr>
    </thead>
    <tbody>
      ${some.map(
        (sample) =>
          html`<tr>
            <th scope="row">${new Date(sample.at).toLocaleTimeString()}</th>
            ${SHOWN.map((mode) => html`<td class="number">${sample[mode]}</td>`)}
          </tr>`,
      )}
    </tbody>
  </table>`;
}

/** With what still holds at its end, so that there is a line from the first sample on. */
function untilNow(samples, now) {
  const last = samples.at(-1);
  return last ? [...samples, { ...last, at: Math.max(now, last.at + 1000) }] : [];
}

function columns(samples) {
  return [samples.map(({ at }) => at / 1000), ...SHOWN.map((mode) => samples.map((sample) => sample[mode]))];
}

function options(node) {
  const colour = (name) => getComputedStyle(node).getPropertyValue(name).trim();
  const clock = { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' };
  const axis = {
    stroke: colour('--quiet'),
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { show: false },
  };
  return {
    width: node.clientWidth,
    height: HEIGHT,
    scales: { y: { range: (_, __, max) => [0, Math.max(4, Math.ceil(max * 1.15))] } },
    axes: [
      { ...axis, space: 90, values: (_, times) => times.map((at) => timeOf(at, clock)) },
      { ...axis, size: 44, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000] },
    ],
    series: [
      { label: 'Time', value: (_, at) => (at === null ? '–' : timeOf(at, clock)) },
      ...SHOWN.map((mode) => ({
        label: MODES[mode],
        value: (_, count) => count ?? '–',
        stroke: colour(`--${mode}`),
        dash: DASHES[mode],
        width: 2,
        points: { show: false },
        paths: uPlot.paths.stepped({ align: 1 }),
      })),
    ],
  };
}

function timeOf(seconds, format) {
  return new Date(seconds * 1000).toLocaleTimeString([], format);
}
