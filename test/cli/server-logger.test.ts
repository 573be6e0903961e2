import { describe, expect, it } from 'vitest';
import { serverLogger } from '../../src/cli/server-logger.ts';

function logged(log: (logger: ReturnType<typeof serverLogger>) => void): string {
  const lines: string[] = [];
  log(serverLogger('debug', { write: (line) => void lines.push(line) }));
  expect(lines).toHaveLength(1);
  return lines.join('');
}

const SECRET = 'c2VjcmV0LXNlY3JldA';

describe('the log of a running bridge leaves out', () => {
  it.each(['token', 'access_token', 'as_token', 'hs_token', 'token_key', 'password', 'authorization'])(
    'what is kept as %s',
    (key) => {
      const line = logged((logger) =>
        logger.info({ [key]: SECRET, a: { [key]: SECRET, b: { [key]: SECRET } } }),
      );
      expect(line).not.toContain(SECRET);
      expect(line.match(/left out/g)).toHaveLength(3);
    },
  );

  it.each(['text', 'emoji', 'status_msg', 'custom_status', 'custom_emoji', 'body'])(
    'what people say of themselves, as %s',
    (key) => {
      expect(
        logged((logger) => logger.warn({ record: { status: { [key]: 'gone fishing' } } })),
      ).not.toContain('fishing');
    },
  );

  it.each([
    ['a token in a query', `GET /sync?access_token=${SECRET}&since=1`, '&since=1'],
    ['an encoded one', `back to %2Fsync%3Faccess_token%3D${SECRET}%26since`, 'back to'],
    ['a header', `Authorization: Bearer ${SECRET} refused`, ' refused'],
    ['a password in a URL', `postgres://bridge:${SECRET}@db.example.org/bridge`, '@db.example.org/bridge'],
    ['a token of the operator', `pxo_${SECRET} was not known`, ' was not known'],
    ['a token of the bridge', `pxb_${SECRET} was not known`, ' was not known'],
    ['a token by its id', `175928847299117063.${SECRET} was not known`, ' was not known'],
    ['a token in JSON', JSON.stringify({ as_token: SECRET, id: 'bridge' }), 'bridge'],
  ])('%s, wherever it is', (_what, text, kept) => {
    for (const line of [
      logged((logger) => logger.info(text)),
      logged((logger) => logger.error({ err: new Error(text) }, 'failed')),
      logged((logger) => logger.error({ err: new Error('outer', { cause: new Error(text) }) }, 'failed')),
      logged((logger) => logger.child({ note: text }).debug('child')),
    ]) {
      expect(line).not.toContain(SECRET);
      expect(line).toContain(kept);
      expect(() => JSON.parse(line) as unknown).not.toThrow();
    }
  });

  it('what hangs on an error, and what a parser quotes', () => {
    const row = Object.assign(new Error('null value in a column'), {
      code: '23502',
      detail: 'Failing row contains (17, {"text":"gone fishing"})',
    });
    const line = logged((logger) => logger.error({ err: row }, 'failed'));
    expect(line).not.toContain('fishing');
    expect(JSON.parse(line)).toMatchObject({ err: { code: '23502', message: 'null value in a column' } });

    let thrown: unknown;
    try {
      JSON.parse('gone fishing');
    } catch (error) {
      thrown = error;
    }
    expect(String(thrown)).toContain('fishing');
    const parsed = logged((logger) =>
      logger.error({ err: new Error('damaged', { cause: thrown }) }, 'failed'),
    );
    expect(parsed).not.toContain('fishing');
    expect(parsed).toMatch(/Unexpected token/);
  });

  it('nothing that an operator needs: where an error came from, and of what kind it is', () => {
    const error = new AggregateError([new TypeError('one'), 'two'], 'several');
    const { err } = JSON.parse(logged((logger) => logger.error({ err: error }, 'failed')));
    expect(err).toMatchObject({
      type: 'AggregateError',
      message: 'several',
      errors: [{ message: 'one' }, 'two'],
    });
    expect(err.stack).toMatch(/server-logger\.test\.ts/);
  });
});
