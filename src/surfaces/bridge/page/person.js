import { useEffect, useState } from 'preact/hooks';
import { call, words } from './api.js';
import {
  AccountIds,
  Card,
  Face,
  Heading,
  html,
  Mode,
  MODES,
  Sentences,
  Status,
  Trouble,
  When,
} from './parts.js';

/** One person, and why she is shown as she is; `seen` changes whenever she is shown otherwise. */
export function Person({ id, networks, seen }) {
  const [why, setWhy] = useState(null);
  const [trouble, setTrouble] = useState(null);

  const load = async (reason) => {
    const query = reason === undefined ? '' : `?${new URLSearchParams({ reveal: reason })}`;
    try {
      setWhy(await call('GET', `/people/${encodeURIComponent(id)}/why${query}`));
      setTrouble(null);
    } catch (error) {
      setTrouble(words(error));
    }
  };
  useEffect(() => {
    setWhy(null);
  }, [id]);
  useEffect(() => {
    // What was revealed is of one moment, and must be asked for again with a reason.
    void load();
  }, [id, seen]);

  if (!why)
    return html`<${Heading}>Person<//
      >${trouble ? html`<${Trouble}>${trouble}<//>` : html`<p role="status">Loading …</p>`}`;
  const {
    person,
    shown,
    because,
    grounds,
    surfaces,
    seen_by: by,
    last_deliveries: deliveries,
    revealed,
  } = why;
  return html`<${Heading}>${person.display_name ?? 'No name'}<//>
    ${trouble && html`<${Trouble}>${trouble}<//>`}
    <div class="columns">
      <${Card} title="Shown as">
        <p class="big" aria-live="polite"><${Mode} mode=${shown.mode} /></p>
        <${Face} face=${shown} />
        <${Sentences} texts=${because} />
      <//>
      <${Card} title="Accounts">
        <dl>
          <${AccountIds} person=${person} networks=${networks} />
          <dt>Id here</dt>
          <dd class="id">${person.id}</dd>
        </dl>
      <//>
    </div>
    <${Card} title="What each API says of her">
      <table>
        <thead>
          <tr>
            <th scope="col">API</th>
            <th scope="col">Word</th>
            <th scope="col">Status</th>
          </tr>
        </thead>
        <tbody>
          ${surfaces.map(
            ({ surface, presence, text, emoji }) =>
              html`<tr>
                <th scope="row">${surface}</th>
                <td><code>${presence}</code></td>
                <td><${Status} text=${text} emoji=${emoji} /></td>
              </tr>`,
          )}
        </tbody>
      </table>
    <//>
    <${Card} title="To whom">
      <dl>
        <dt>Visible to</dt>
        <dd>${by.visibility}</dd>
        <dt>On the lists of</dt>
        <dd>${by.listed_by}</dd>
        <dt>Told live</dt>
        <dd><${Links} ids=${by.told} /></dd>
        <dt>Blocked from each other</dt>
        <dd><${Links} ids=${by.hidden_from} /></dd>
      </dl>
    <//>
    <${Card} title="Last deliveries"><${Deliveries} deliveries=${deliveries} /><//>
    ${grounds && html`<${Card} title="On what it rests"><${Grounds} ...${grounds} /><//>`}
    <${Reveal} revealed=${revealed} reveal=${load} />`;
}

function Links({ ids }) {
  if (ids.length === 0) return html`<span class="quiet">nobody</span>`;
  return html`<ul class="inline">
    ${ids.map((id) => html`<li><a class="id" href=${`#/people/${id}`}>${id}</a></li>`)}
  </ul>`;
}

function Deliveries({ deliveries }) {
  if (deliveries.length === 0) {
    return html`<p>Since it started, this node has told nobody of a change of hers.</p>`;
  }
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Last deliveries">
    <table>
      <thead>
        <tr>
          <th scope="col">To</th>
          <th scope="col">As</th>
          <th scope="col">When</th>
        </tr>
      </thead>
      <tbody>
        ${deliveries.map(
          ({ to, kind, said, at }) =>
            html`<tr>
              <td>${kind === 'person' ? html`<a class="id" href=${`#/people/${to}`}>${to}</a>` : to}</td>
              <td>${said in MODES ? html`<${Mode} mode=${said} />` : html`<code>${said}</code>`}</td>
              <td><${When} at=${at} /></td>
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

const COMING = {
  'claim ends': 'Her own word ends',
  'claim expires': 'Her own word ends, as she said,',
  'claim idles': 'Her own word counts as idle',
  'session ends': 'A connection ends',
  'session idles': 'A connection counts as idle',
  'feed ends': 'What her server says is believed no more',
  'status ends': 'Her status text ends',
};

function Grounds({ claim, sessions, feeds, deadlines }) {
  const rows = [
    ...(claim ? [{ what: 'Her own word', ...claim, since: claim.at }] : []),
    ...sessions.map((each) => ({ what: 'Connection', ...each, since: each.last_activity })),
    ...feeds.map((each) => ({ what: 'Her server', ...each, since: null })),
  ];
  if (rows.length === 0) return html`<p>On nothing: nobody says that she is there.</p>`;
  return html`<div class="scroll" tabindex="0" role="region" aria-label="On what it rests">
      <table>
        <thead>
          <tr>
            <th scope="col">What</th>
            <th scope="col">Says</th>
            <th scope="col">From</th>
            <th scope="col">Last said</th>
            <th scope="col">Ends</th>
          </tr>
        </thead>
        <tbody>
          ${rows.map(
            ({ what, mode, origin, since, ends_at }) =>
              html`<tr>
                <th scope="row">${what}</th>
                <td><${Mode} mode=${mode} /></td>
                <td>${origin}</td>
                <td><${When} at=${since} none="–" /></td>
                <td><${When} at=${ends_at} /></td>
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
    ${
      deadlines.length > 0 &&
      html`<h3>What time will change</h3>
        <ol>
          ${deadlines.map(({ at, what }) => html`<li>${COMING[what] ?? what} <${When} at=${at} /></li>`)}
        </ol>`
    }`;
}

function Reveal({ revealed, reveal }) {
  const submit = (event) => {
    event.preventDefault();
    void reveal(event.target.reason.value);
  };
  if (!revealed) {
    return html`<${Card} title="See more than others may">
      <p>
        Whoever is invisible looks offline here, as to everybody. Seeing what she herself sees needs a reason,
        which is kept in the <a href="#/audit">audit log</a> before you are answered.
      </p>
      <form class="row" onSubmit=${submit}>
        <label for="reason">Reason, at least 8 characters</label>
        <input id="reason" name="reason" required minlength="8" maxlength="500" autocomplete="off" />
        <button>See more</button>
      </form>
    <//>`;
  }
  return html`<${Card} title="What she herself sees">
    <p role="status">Kept in the <a href="#/audit">audit log</a> with your reason.</p>
    <p class="big"><${Mode} mode=${revealed.mode} /></p>
    <${Face} face=${revealed} />
    <${Sentences} texts=${revealed.because} />
    <${Grounds} ...${revealed.grounds} />
  <//>`;
}
