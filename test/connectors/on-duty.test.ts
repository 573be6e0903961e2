import { describe, expect, it } from 'vitest';
import type { Connector } from '../../src/connectors/connector.ts';
import { OnDuty } from '../../src/connectors/on-duty.ts';

/** A cluster whose one duty comes and goes as the test says. */
function make() {
  const log: string[] = [];
  let begin: (() => AsyncDisposable) | undefined;
  const connector: Connector = {
    start: () => void log.push('start'),
    health: () => ({ name: 'server', state: 'up', since: 1, reason: null, backlog: 0, warnings: [] }),
    [Symbol.asyncDispose]: () => Promise.resolve(void log.push('end')),
  };
  const duty = new OnDuty(connector, {
    hold: (name, given) => {
      log.push(`hold ${name}`);
      begin = given;
      return { [Symbol.asyncDispose]: () => Promise.resolve(void log.push('give back')) };
    },
  });
  return { log, duty, fall: () => begin!() };
}

describe('a connector on duty', () => {
  it('runs only while the duty is here, and says so', async () => {
    const { log, duty, fall } = make();
    expect([log, duty.health().state]).toEqual([[], 'up']);
    duty.begin();
    expect(duty.health().state).toBe('elsewhere');
    const work = fall();
    expect(duty.health().state).toBe('up');
    await work[Symbol.asyncDispose]();
    expect(duty.health().state).toBe('elsewhere');
    fall();
    await duty[Symbol.asyncDispose]();
    expect(log).toEqual(['hold connector: server', 'start', 'end', 'start', 'give back']);
  });

  it('has nothing to give back that it never asked for', async () => {
    const { log, duty } = make();
    await duty[Symbol.asyncDispose]();
    expect(log).toEqual([]);
  });
});
