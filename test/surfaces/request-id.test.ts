import { pino } from 'pino';
import { expect, it } from 'vitest';
import type { Reply, TestApp } from '../helpers/app.ts';
import { makeApp } from '../helpers/app.ts';

interface Line {
  readonly reqId?: string;
}

/** An app whose store fails at every probe, and what it logs. */
async function failing(): Promise<{ app: TestApp; lines: Line[] }> {
  const lines: Line[] = [];
  const logger = pino({ level: 'warn' }, { write: (line) => void lines.push(JSON.parse(line) as Line) });
  const app = await makeApp({}, { logger });
  Object.assign(app.store, { meta: () => Promise.reject(new Error('no disk')) });
  return { app, lines };
}

const idOf = ({ headers }: Reply) => headers['x-request-id'];

it('whoever is let down is told the id that her request has in the log', async () => {
  const { app, lines } = await failing();
  const first = await app.call('GET', '/readyz', '');
  const second = await app.call('GET', '/readyz', '');
  await app.http.close();
  expect([first.status, second.status]).toEqual([503, 503]);
  expect(lines.map(({ reqId }) => reqId)).toEqual([idOf(first), idOf(second)]);
  expect(idOf(first)).not.toBe(idOf(second));
});

it('an id does not tell how many requests there were', async () => {
  const { app, lines } = await failing();
  await app.call('GET', '/readyz', '');
  await app.http.close();
  expect(lines[0]?.reqId).toMatch(/^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/);
});

it('an answer that is no failure has no id', async () => {
  const { app } = await failing();
  for (const path of ['/livez', '/nowhere', '/bridge/v1/people']) {
    expect(idOf(await app.call('GET', path, ''))).toBeUndefined();
  }
  await app.http.close();
});
