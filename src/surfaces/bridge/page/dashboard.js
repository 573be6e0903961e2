import { render } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { call, words } from './api.js';
import { Audit } from './audit.js';
import { Overview } from './overview.js';
import { html, Trouble, useFocus } from './parts.js';
import { People } from './people.js';
import { Person } from './person.js';

const PAGES = [
  ['#/', 'Overview'],
  ['#/people', 'People'],
  ['#/audit', 'Audit log'],
];
/** As many as the bridge keeps. */
const MAX_SAMPLES = 720;

function Dashboard() {
  const [signedIn, setSignedIn] = useState(null);
  useEffect(() => {
    call('GET', '/overview').then(
      () => setSignedIn(true),
      () => setSignedIn(false),
    );
  }, []);
  if (signedIn === null) return html`<p role="status" class="alone">Loading …</p>`;
  return signedIn
    ? html`<${Inside} leave=${() => setSignedIn(false)} />`
    : html`<${SignIn} done=${() => setSignedIn(true)} />`;
}

function SignIn({ done }) {
  const [trouble, setTrouble] = useState(null);
  const submit = async (event) => {
    event.preventDefault();
    try {
      await call('POST', '/session', { body: { token: event.target.token.value } });
      done();
    } catch (error) {
      setTrouble(error.code === 'unknown_token' ? 'This is not the operator token.' : words(error));
    }
  };
  return html`<main class="alone card">
    <img src="/bridge/assets/icon.svg" alt="" width="48" height="48" />
    <h1>plexibridge</h1>
    <form onSubmit=${submit}>
      <label for="token">Operator token</label>
      <input
        id="token"
        name="token"
        type="password"
        required
        autocomplete="current-password"
        aria-describedby="where"
        ref=${useFocus()}
      />
      <p id="where" class="quiet">
        Set as <code>operator.token</code>, or printed by the first start.${' '}
        <a href="/bridge/me">Your own presence</a> is elsewhere.
      </p>
      ${trouble && html`<${Trouble}>${trouble}<//>`}
      <button class="primary">Sign in</button>
    </form>
  </main>`;
}

function Inside({ leave }) {
  const route = useRoute();
  const { overview, samples, seen, live } = useLive(route.person, leave);
  const networks = overview?.networks ?? [];
  const current = route.person ? '#/people' : route.page;
  useEffect(() => {
    document.title = `${PAGES.find(([hash]) => hash === current)?.[1] ?? 'Overview'} · plexibridge`;
  }, [current]);

  const signOut = async () => {
    await call('DELETE', '/session').catch(() => undefined);
    leave();
  };
  return html`<a class="skip" href="#main" onClick=${skip}>Skip to the content</a>
    <header>
      <a class="brand" href="#/"
        ><img src="/bridge/assets/icon.svg" alt="" width="28" height="28" />plexibridge</a
      >
      <nav aria-label="Pages">
        <ul>
          ${PAGES.map(
            ([hash, name]) =>
              html`<li>
                <a href=${hash} aria-current=${hash === current ? 'page' : undefined}>${name}</a>
              </li>`,
          )}
          <li><a href="/bridge/docs">API</a></li>
        </ul>
      </nav>
      <span class="live" role="status" data-live=${live}>${live ? 'Live' : 'Connecting …'}</span>
      <button onClick=${signOut}>Sign out</button>
    </header>
    <main id="main">
      ${route.person && html`<${Person} key=${route.person} id=${route.person} networks=${networks} seen=${seen} />`}
      ${current === '#/people' && !route.person && html`<${People} networks=${networks} search=${route.search} />`}
      ${current === '#/audit' && html`<${Audit} />`}
      ${current === '#/' && html`<${Overview} overview=${overview} samples=${samples} />`}
    </main>`;
}

function skip(event) {
  event.preventDefault();
  document.querySelector('main h1')?.focus();
}

function useRoute() {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const follow = () => setHash(location.hash);
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, []);
  const [path, query = ''] = hash.split('?');
  const person = /^#\/people\/(.+)$/.exec(path)?.[1];
  const page = PAGES.some(([known]) => known === path) ? path : '#/';
  return {
    page,
    person: person === undefined ? null : decodeURIComponent(person),
    search: new URLSearchParams(query).get('search') ?? '',
  };
}

/** What the bridge tells by itself; `seen` counts how often the person was shown otherwise. */
function useLive(person, signedOut) {
  const [overview, setOverview] = useState(null);
  const [samples, setSamples] = useState(null);
  const [seen, setSeen] = useState(0);
  const [live, setLive] = useState(false);

  useEffect(() => {
    call('GET', '/overview/history').then(
      (history) => setSamples(history.samples),
      () => undefined,
    );
  }, []);
  useEffect(() => {
    const query = person === null ? '' : `?${new URLSearchParams({ person })}`;
    const events = new EventSource(`/bridge/v1/events${query}`);
    let first = true;
    events.onopen = () => setLive(true);
    events.onerror = () => {
      setLive(false);
      // The browser tries again by itself, but not where the answer is a refusal.
      if (events.readyState !== EventSource.CLOSED) return;
      call('GET', '/overview').catch((error) => error.status === 401 && signedOut());
    };
    events.addEventListener('overview', ({ data }) => {
      const told = JSON.parse(data);
      setOverview(told);
      setSamples((before) => {
        if (!before) return before;
        // In order also where the clocks of browser and bridge differ.
        const at = Math.max(Date.now(), before.at(-1)?.at ?? 0);
        return [...before.slice(1 - MAX_SAMPLES), { at, ...told.shown }];
      });
    });
    events.addEventListener('person', () => {
      if (!first) setSeen((count) => count + 1);
      first = false;
    });
    return () => events.close();
  }, [person]);
  return { overview, samples, seen, live };
}

render(html`<${Dashboard} />`, document.getElementById('app'));
