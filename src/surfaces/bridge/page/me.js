import { render } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { call, words } from './api.js';
import { AccountIds, Card, Heading, html, Mode, MODES, Status, Trouble, useFocus, When } from './parts.js';

const SAID = ['online', 'idle', 'dnd', 'invisible', 'offline'];
const MINUTE = 60;
/** How long a mode is to hold; seconds, or a time of day that is asked for. */
const LENGTHS = [
  ['', 'until I change it'],
  [String(30 * MINUTE), 'for 30 minutes'],
  [String(60 * MINUTE), 'for an hour'],
  [String(4 * 60 * MINUTE), 'for four hours'],
  ['time', 'until …'],
];
const VISIBLE_TO = { everyone: 'Everyone', contacts: 'My contacts', nobody: 'Nobody' };
const REFRESH_MS = 10_000;

/** The token is kept here and nowhere else: it is gone with the page. */
function Page() {
  const [token, setToken] = useState(null);
  return html`<main>
    ${token === null ? html`<${Enter} enter=${setToken} />` : html`<${Self} token=${token} leave=${() => setToken(null)} />`}
  </main>`;
}

function Enter({ enter }) {
  const [trouble, setTrouble] = useState(null);
  const submit = async (event) => {
    event.preventDefault();
    const token = event.target.token.value.trim();
    try {
      await call('GET', '/me', { token });
      enter(token);
    } catch (error) {
      setTrouble(error.status === 401 ? 'This token is not live.' : words(error));
    }
  };
  return html`<div class="alone card">
    <img src="/bridge/assets/icon.svg" alt="" width="48" height="48" />
    <h1>Your presence</h1>
    <form onSubmit=${submit}>
      <label for="token">Your token, of either network</label>
      <input
        id="token"
        name="token"
        type="password"
        required
        autocomplete="off"
        aria-describedby="kept"
        ref=${useFocus()}
      />
      <p id="kept" class="quiet">It stays in this page and is forgotten with it.</p>
      ${trouble && html`<${Trouble}>${trouble}<//>`}
      <button class="primary">Go on</button>
    </form>
  </div>`;
}

function Self({ token, leave }) {
  const [self, setSelf] = useState(null);
  const [trouble, setTrouble] = useState(null);
  const [done, setDone] = useState('');
  const ask = (method, path, body) => call(method, path, { token, ...(body && { body }) });

  const load = async () => {
    try {
      const [person, mode, { contacts }, { blocks }] = await Promise.all(
        ['/me', '/me/mode', '/me/contacts', '/me/blocks'].map((path) => ask('GET', path)),
      );
      setSelf({ person, mode, contacts, blocks });
    } catch (error) {
      if (error.status === 401) leave();
      else setTrouble(words(error));
    }
  };
  /** Does something, says that it is done, and looks how things are then. */
  const act = (said, method, path, body) => async (event) => {
    event?.preventDefault();
    try {
      await ask(
        method,
        typeof path === 'function' ? path(event) : path,
        typeof body === 'function' ? body(event) : body,
      );
      setTrouble(null);
      setDone(said);
      if (event?.type === 'submit') event.target.reset();
      await load();
    } catch (error) {
      setDone('');
      setTrouble(words(error));
    }
  };
  useEffect(() => {
    void load();
    const timer = setInterval(load, REFRESH_MS);
    return () => clearInterval(timer);
  }, []);

  if (!self)
    return html`<${Heading}>Your presence<//
      >${trouble ? html`<${Trouble}>${trouble}<//>` : html`<p role="status">Loading …</p>`}`;
  const { person, mode, contacts, blocks } = self;
  const networks = Object.keys(person)
    .filter((key) => key.endsWith('_id'))
    .map((key) => key.slice(0, -3));
  return html`<div class="top">
      <${Heading}>${person.display_name ?? 'Your presence'}<//><button onClick=${leave}>Leave</button>
    </div>
    ${trouble && html`<${Trouble}>${trouble}<//>`}
    <p role="status" class="done">${done}</p>
    <${Now} mode=${mode} act=${act} />
    <${Visibility} visibility=${person.visibility} act=${act} />
    <${Contacts} contacts=${contacts} networks=${networks} act=${act} />
    <${Blocks} blocks=${blocks} networks=${networks} act=${act} />
    <${Accounts} person=${person} networks=${networks} act=${act} />`;
}

function Now({ mode, act }) {
  const [length, setLength] = useState('');
  const body = ({ target }) => {
    const { said, text, emoji, time } = target;
    return {
      mode: said.value,
      text: text.value,
      emoji: emoji.value,
      ...(length === 'time' ? { until: nextTime(time.value) } : length && { expires_in: Number(length) }),
    };
  };
  return html`<${Card} title="How you are">
    <p class="big" aria-live="polite"><${Mode} mode=${mode.mode} /></p>
    <dl>
      <dt>Status</dt>
      <dd><${Status} ...${mode} /></dd>
      <dt>Ends</dt>
      <dd>
        ${mode.until === null ? 'when you change it' : html`<${When} at=${mode.until} />, at ${clock(mode.until)}`}
      </dd>
    </dl>
    <form onSubmit=${act('You are now what you chose.', 'PUT', '/me/mode', body)}>
      <fieldset>
        <legend>Be</legend>
        ${SAID.map(
          (word) =>
            html`<label class="choice">
              <input type="radio" name="said" value=${word} required defaultChecked=${word === mode.mode} />
              ${MODES[word]}
            </label>`,
        )}
      </fieldset>
      <div class="row">
        <label for="emoji">Emoji</label>
        <input
          id="emoji"
          name="emoji"
          class="short"
          maxlength="64"
          defaultValue=${mode.emoji ?? ''}
          autocomplete="off"
        />
        <label for="text">Status text</label>
        <input id="text" name="text" maxlength="2048" defaultValue=${mode.text ?? ''} autocomplete="off" />
      </div>
      <div class="row">
        <label for="length">How long</label>
        <select id="length" value=${length} onChange=${(event) => setLength(event.target.value)}>
          ${LENGTHS.map(([value, name]) => html`<option value=${value}>${name}</option>`)}
        </select>
        ${length === 'time' && html`<label for="time">Time of day</label><input id="time" name="time" type="time" required />`}
        <button class="primary">Say so</button>
      </div>
    </form>
    <p class="quiet">
      Invisible looks like offline to everybody else. When a mode ends, your connections count again.
    </p>
  <//>`;
}

/** The next time that the clock shows so, ms since 1970. */
function nextTime(text) {
  const [hours, minutes] = text.split(':').map(Number);
  const then = new Date();
  then.setHours(hours, minutes, 0, 0);
  if (then.getTime() <= Date.now()) then.setDate(then.getDate() + 1);
  return then.getTime();
}

function clock(at) {
  return new Date(at).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
}

function Visibility({ visibility, act }) {
  return html`<${Card} title="Who may see you">
    <fieldset>
      <legend class="unseen">Who may see you</legend>
      ${Object.entries(VISIBLE_TO).map(
        ([value, name]) =>
          html`<label class="choice">
            <input
              type="radio"
              name="visibility"
              value=${value}
              checked=${value === visibility}
              onChange=${act(`Seen by: ${name}.`, 'PUT', '/me/visibility', { visibility: value })}
            />
            ${' '}${name}
          </label>`,
      )}
    </fieldset>
  <//>`;
}

function nameOf(person, networks) {
  return person.display_name ?? person[`${networks[0]}_id`];
}

const named = (list) => (event) => `/me/${list}/${encodeURIComponent(event.target.who.value.trim())}`;

function Contacts({ contacts, networks, act }) {
  return html`<${Card} title="Contacts">
    ${contacts.length === 0 && html`<p>Nobody whom you may see.</p>`}
    <ul class="people">
      ${contacts.map((contact) => {
        const [id, name] = [contact[`${networks[0]}_id`], nameOf(contact, networks)];
        return html`<li key=${id}>
          <span class="who">${name}</span><${Mode} mode=${contact.mode} /><${Status} ...${contact} />
          <button
            aria-label=${`Drop ${name}`}
            onClick=${act(`${name} was dropped.`, 'DELETE', `/me/contacts/${encodeURIComponent(id)}`)}
          >
            Drop
          </button>
        </li>`;
      })}
    </ul>
    <form
      class="row"
      onSubmit=${act('Added, if there is somebody whom you may see.', 'PUT', named('contacts'))}
    >
      <label for="contact">Add by any id</label>
      <input id="contact" name="who" required autocomplete="off" />
      <button>Add</button>
    </form>
  <//>`;
}

function Blocks({ blocks, networks, act }) {
  return html`<${Card} title="Blocked">
    ${blocks.length === 0 && html`<p>Nobody whom you could see.</p>`}
    <ul class="people">
      ${blocks.map((person) => {
        const [id, name] = [person[`${networks[0]}_id`], nameOf(person, networks)];
        return html`<li key=${id}>
          <span class="who">${name}</span>
          <button
            aria-label=${`Unblock ${name}`}
            onClick=${act(`${name} is not blocked any more.`, 'DELETE', `/me/blocks/${encodeURIComponent(id)}`)}
          >
            Unblock
          </button>
        </li>`;
      })}
    </ul>
    <form class="row" onSubmit=${act('Blocked: neither of you sees the other.', 'PUT', named('blocks'))}>
      <label for="block">Block by any id</label>
      <input id="block" name="who" required autocomplete="off" />
      <button>Block</button>
    </form>
  <//>`;
}

function Accounts({ person, networks, act }) {
  const tokens = ({ target }) =>
    Object.fromEntries(networks.map((network) => [`${network}_token`, target[network].value.trim()]));
  const [method, verb, said] = person.linked
    ? ['DELETE', 'Unlink', 'Each account is its own person again.']
    : ['POST', 'Link', 'Your accounts are one person now.'];
  return html`<${Card} title="Accounts">
    <dl>
      <${AccountIds} person=${person} networks=${networks} />
    </dl>
    <details>
      <summary>${person.linked ? 'Unlink these accounts' : 'Link an account of the other network'}</summary>
      <form onSubmit=${act(said, method, '/links', tokens)}>
        ${networks.map(
          (network) =>
            html`<label for=${network}>Your token on ${network}</label>
              <input id=${network} name=${network} type="password" required autocomplete="off" />`,
        )}
        <button>${verb}</button>
      </form>
    </details>
  <//>`;
}

render(html`<${Page} />`, document.getElementById('app'));
