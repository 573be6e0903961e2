import { Chart } from './chart.js';
import { Card, For, Heading, html, MODES, When } from './parts.js';

const STATES = {
  up: 'connected',
  starting: 'connecting',
  down: 'not connected',
  refused: 'refused',
  elsewhere: 'at another node',
};

/** Why nothing comes back. */
const FAULTS = {
  refused: 'nobody listens at its address',
  reset: 'it ended the connection before it had answered',
  timeout: 'it did not answer in time',
  dns: 'its name leads nowhere',
  tls: 'its certificate is not trusted, or it speaks no TLS',
  too_large: 'it answered with more than is taken',
  redirected: 'it points elsewhere, where nobody follows',
  unreachable: 'it cannot be reached',
};

export function Overview({ overview, samples }) {
  if (!overview)
    return html`<${Heading}>Overview<//>
      <p role="status">Loading …</p>`;
  const { servers, shown, propagation, failed_links: failed, started_at: started, version } = overview;
  const all = Object.values(shown).reduce((sum, count) => sum + count, 0);
  return html`<${Heading}>Overview<//>
    <p class="lead">
      plexibridge ${version}, running <${For} since=${started} />.${' '}
      ${all === 1 ? '1 person is' : `${all} people are`} shown as being there.
    </p>
    <${Servers} servers=${servers} />
    <ul class="tiles" aria-label="People shown as what, now">
      ${Object.entries(shown).map(
        ([mode, count]) =>
          html`<li class="tile" data-mode=${mode} key=${mode}>
            <span class="figure" data-count=${mode}>${count}</span><span class="name">${MODES[mode]}</span>
          </li>`,
      )}
      <${Delay} name="Median delay" ms=${propagation.p50_ms} />
      <${Delay} name="Delay, 99 %" ms=${propagation.p99_ms} />
    </ul>
    <${Card} title="Shown states over time">
      ${samples ? html`<${Chart} samples=${samples} />` : html`<p role="status">Loading …</p>`}
      <p class="quiet">
        Whoever is invisible counts as offline here, as everywhere. Kept for six hours, until a restart.
      </p>
    <//>
    <${Card} title="Links that failed"><${Failed} failed=${failed} /><//>`;
}

function Delay({ name, ms }) {
  const figure = ms === null ? '–' : ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
  return html`<li class="tile"><span class="figure">${figure}</span><span class="name">${name}</span></li>`;
}

function Servers({ servers }) {
  if (servers.length === 0) {
    return html`<${Card} title="Servers">
      <p>The bridge stands alone: it is the presence server of both networks itself.</p>
    <//>`;
  }
  return html`<div class="servers">
    ${servers.map(
      ({ name, state, since, reason, backlog, warnings }) =>
        html`<${Card} title=${name} key=${name} data-state=${state}>
          <p class="state">
            <span class="lamp" data-state=${state}>${STATES[state]}</span> <${For} since=${since} />
          </p>
          <dl>
            <dt>Waiting to be delivered</dt>
            <dd>${backlog}</dd>
            ${
              reason &&
              html`<dt>Reason</dt>
                <dd>${FAULTS[reason] ?? reason}</dd>`
            }
          </dl>
          ${
            warnings.length > 0 &&
            html`<ul class="warnings">
              ${warnings.map((text) => html`<li>${text}</li>`)}
            </ul>`
          }
        <//>`,
    )}
  </div>`;
}

function Failed({ failed }) {
  if (failed.length === 0) return html`<p>None since the start.</p>`;
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Links that failed">
    <table>
      <thead>
        <tr>
          <th scope="col">When</th>
          <th scope="col">What</th>
          <th scope="col">Why</th>
        </tr>
      </thead>
      <tbody>
        ${failed.map(
          ({ at, what, code, message }) =>
            html`<tr>
              <td><${When} at=${at} /></td>
              <td>${what}</td>
              <td>${message} <code>${code}</code></td>
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}
