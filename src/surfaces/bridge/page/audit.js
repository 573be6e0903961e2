import { useEffect, useState } from 'preact/hooks';
import { call, words } from './api.js';
import { Heading, html, Trouble, When } from './parts.js';

export function Audit() {
  const [log, setLog] = useState(null);
  const [trouble, setTrouble] = useState(null);
  const load = async (cursor) => {
    try {
      const page = await call(
        'GET',
        `/audit?${new URLSearchParams({ limit: 50, ...(cursor && { cursor }) })}`,
      );
      setLog((before) => ({
        entries: [...(cursor && before ? before.entries : []), ...page.entries],
        next: page.next_cursor,
      }));
    } catch (error) {
      setTrouble(words(error));
    }
  };
  useEffect(() => void load(null), []);

  return html`<${Heading}>Audit log<//>
    <p class="lead">What operators did, and who linked whom; the newest first.</p>
    ${trouble && html`<${Trouble}>${trouble}<//>`} ${!log && html`<p role="status">Loading …</p>`}
    ${log?.entries.length === 0 && html`<p>Nothing yet.</p>`}
    ${
      log?.entries.length > 0 &&
      html`<div class="scroll" tabindex="0" role="region" aria-label="Audit log">
        <table>
          <thead>
            <tr>
              <th scope="col">When</th>
              <th scope="col">Who</th>
              <th scope="col">What</th>
              <th scope="col">To whom</th>
              <th scope="col">Details</th>
            </tr>
          </thead>
          <tbody>
            ${log.entries.map(
              ({ at, actor, action, subjects, details }) =>
                html`<tr>
                  <td><${When} at=${at} /></td>
                  <td>
                    ${actor === 'operator' ? 'operator' : html`<a href=${`#/people/${actor}`}>${actor}</a>`}
                  </td>
                  <td><span class="tag">${action}</span></td>
                  <td>
                    <ul class="inline">
                      ${subjects.map((id) => html`<li><a href=${`#/people/${id}`}>${id}</a></li>`)}
                    </ul>
                  </td>
                  <td>
                    ${Object.entries(details).map(([key, value]) => html`<span class="detail"><b>${key}</b> ${value}</span>`)}
                  </td>
                </tr>`,
            )}
          </tbody>
        </table>
      </div>`
    }
    ${log?.next && html`<button onClick=${() => load(log.next)}>More</button>`}`;
}
