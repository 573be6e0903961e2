import { describe, expect, it } from 'vitest';
import { clockCheck } from '../../src/connectors/clock-check.ts';
import { Witness } from '../../src/connectors/witness.ts';
import { ManualClock } from '../helpers/clock.ts';
import { findingsOf } from './findings.ts';

const clock = new ManualClock();

/** A server whose clock is so far ahead, and that takes so long to answer, both in ms. */
function source(name: string, aheadMs: number | null, tookMs = 0) {
  const outbound = {
    request: () => {
      clock.advance(tookMs / 2);
      const headers = aheadMs === null ? {} : { date: new Date(clock.now() + aheadMs).toUTCString() };
      clock.advance(tookMs / 2);
      return Promise.resolve({ status: 200, headers, text: '', bytes: Buffer.alloc(0) });
    },
  };
  const witness = new Witness(outbound, () => clock.now());
  return { name, witness, ask: () => witness.request({ method: 'GET', path: '/' }) };
}

async function found(...sources: ReturnType<typeof source>[]) {
  const [finding] = await findingsOf([clockCheck(sources)]);
  return finding;
}

describe('the clocks', () => {
  it.each([0, 1400, -1400])('agree where they are %i ms apart, whatever an answer takes', async (aheadMs) => {
    expect(await found(source('a', aheadMs), source('b', aheadMs, 8000))).toMatchObject({
      check: 'clock',
      verdict: 'ok',
    });
  });

  it('are told in whole seconds, which is no difference', async () => {
    const odd = new ManualClock();
    odd.advance(400);
    const headers = { date: new Date(odd.now() - 1800).toUTCString() };
    const witness = new Witness(
      { request: () => Promise.resolve({ status: 200, headers, text: '', bytes: Buffer.alloc(0) }) },
      () => odd.now(),
    );
    const ask = () => witness.request({ method: 'GET', path: '/' });
    expect(await findingsOf([clockCheck([{ name: 'a', witness, ask }])])).toMatchObject([{ verdict: 'ok' }]);
  });

  it('do not agree where one is off', async () => {
    expect(await found(source('a', 0), source('b', -60_000))).toMatchObject({
      verdict: 'warn',
      found: expect.stringMatching(/^the clock of b is (60|59) s behind of the one here$/),
      advice: expect.stringContaining('NTP'),
    });
    expect((await found(source('a', 10_000)))?.found).toMatch(/^the clock of a is 1[01] s ahead/);
  });

  it('are not known where nobody answers or tells', async () => {
    const down = { ...source('a', 0), ask: () => Promise.reject(new Error('down')) };
    expect(await found(down, source('b', null))).toMatchObject({ verdict: 'skipped' });
  });
});
