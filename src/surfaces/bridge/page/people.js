import { useEffect, useState } from 'preact/hooks';
import { call, words } from './api.js';
import { Heading, html, Trouble, When } from './parts.js';

const PAGE = 50;

export function People({ networks, search }) {
  const [found, setFound] = useState(null);
  const [trouble, setTrouble] = useState(null);

  const load = async (cursor) => {
    const query = new URLSearchParams({ limit: PAGE, ...(search && { search }), ...(cursor && { cursor }) });
    try {
      const page = await call('GET', `/people?${query}`);
      setFound((before) => ({
        people: [...(cursor && before ? before.people : []), ...page.people],
        next: page.next_cursor,
      }));
      setTrouble(null);
    } catch (error) {
      setTrouble(words(error));
    }
  };
  useEffect(() => {
    setFound(null);
    void load(null);
  }, [search]);

  const submit = (event) => {
    event.preventDefault();
    location.hash = `#/people?${new URLSearchParams({ search: event.target.search.value.trim() })}`;
  };
  return html`<${Heading}>People<//>
    <form class="row" role="search" onSubmit=${submit}>
      <label for="search">Name or any id</label>
      <input
        id="search"
        name="search"
        type="search"
        maxlength="256"
        defaultValue=${search}
        autocomplete="off"
      />
      <button>Search</button>
    </form>
    ${trouble && html`<${Trouble}>${trouble}<//>`}
    <p role="status">${found ? summary(found, search) : 'Loading …'}</p>
    ${found?.people.length > 0 && html`<${Table} people=${found.people} networks=${networks} />`}
    ${found?.next && html`<button onClick=${() => load(found.next)}>${search ? 'Search on' : 'More'}</button>`}`;
}

function summary({ people, next }, search) {
  const count = people.length === 1 ? '1 person' : `${people.length} people`;
  return `${count}${search ? ` found for “${search}”` : ''}${next ? ' so far' : ''}`;
}

function Table({ people, networks }) {
  return html`<div class="scroll" tabindex="0" role="region" aria-label="People">
    <table>
      <thead>
        <tr>
          <th scope="col">Name</th>
          ${networks.map((network) => html`<th scope="col">On ${network}</th>`)}
          <th scope="col">Visible to</th>
          <th scope="col">Known since</th>
        </tr>
      </thead>
      <tbody>
        ${people.map(
          (person) =>
            html`<tr key=${person.id}>
              <th scope="row"><a href=${`#/people/${person.id}`}>${person.display_name ?? 'No name'}</a></th>
              ${networks.map(
                (network) =>
                  html`<td class="id">
                    ${person[`${network}_id`]}${person.stand_ins.includes(network) && html` <span class="tag">stand-in</span>`}
                  </td>`,
              )}
              <td>${person.visibility}</td>
              <td><${When} at=${person.created_at} /></td>
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}
