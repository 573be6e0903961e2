import { describe, expect, it } from 'vitest';
import type { SideHealth } from '../../src/connectors/side.ts';
import { Side } from '../../src/connectors/side.ts';
import { START } from '../helpers/clock.ts';
import { WatchedClock } from './watched-clock.ts';

function setUp() {
  const clock = new WatchedClock();
  const log: string[] = [];
  const details: any[] = [];
  const write = (level: string) => (detail: object, message: string) => {
    log.push(`${(clock.now() - START) / 1000}s ${level} ${message}`);
    details.push(detail);
  };
  const logger = { info: write('info'), warn: write('warn'), error: write('error') };
  return { clock, log, details, side: new Side({ name: 'the server', clock, logger }) };
}

describe('a side', () => {
  it('tells its state, since when and why', () => {
    const { clock, side } = setUp();
    expect(side.health()).toEqual({ name: 'the server', state: 'starting', since: START, reason: null });
    clock.advance(10);
    side.down('timeout');
    expect(side.health()).toEqual({
      name: 'the server',
      state: 'down',
      since: START + 10,
      reason: 'timeout',
    });
    clock.advance(10);
    side.down('refused connection');
    expect(side.health()).toMatchObject({ state: 'down', since: START + 10, reason: 'refused connection' });
    side.refused('bad token');
    expect(side.health()).toMatchObject({ state: 'refused', since: START + 20, reason: 'bad token' });
    clock.advance(10);
    side.up();
    expect(side.health()).toMatchObject({ state: 'up', since: START + 30, reason: null });
  });

  it('logs each change once, at the level that it deserves', () => {
    const { clock, log, details, side } = setUp();
    side.down('timeout');
    side.down('dns');
    clock.advance(1000);
    side.up();
    side.up();
    clock.advance(1000);
    side.down('timeout');
    clock.advance(1000);
    side.refused('bad token');
    side.refused('bad token');
    expect(log).toEqual([
      '0s warn the server is down',
      '1s info the server is up',
      '2s warn the server is down, unknown since 2026-01-01T00:00:02.000Z',
      '3s error the server does not accept our credentials',
    ]);
    expect(details[0]).toEqual({ side: 'the server', since: '2026-01-01T00:00:00.000Z', reason: 'timeout' });
    expect(details[1]).toEqual({ side: 'the server', since: '2026-01-01T00:00:01.000Z' });
  });

  it('tells listeners of changes only, until they leave', () => {
    const { side } = setUp();
    const told: SideHealth[] = [];
    const leave = side.subscribe((health) => told.push(health));
    side.up();
    side.up();
    side.down('timeout');
    side.down('dns');
    leave();
    side.up();
    expect(told.map(({ state, reason }) => [state, reason])).toEqual([
      ['up', null],
      ['down', 'timeout'],
    ]);
  });

  it('logs flapping once a minute, and how much it kept to itself', () => {
    const { clock, log, details, side } = setUp();
    side.up();
    for (let second = 0; second < 90; second++) {
      clock.advance(1000);
      if (second % 2 === 0) side.down('timeout');
      else side.up();
    }
    expect(log.map((line) => line.split(',')[0])).toEqual([
      '0s info the server is up',
      '1s warn the server is down',
      '2s info the server is up',
      '61s warn the server is down',
      '62s info the server is up',
    ]);
    expect(clock.timers).toBe(1);
    expect(details.map(({ suppressed }) => suppressed)).toEqual([
      undefined,
      undefined,
      undefined,
      58,
      undefined,
    ]);
  });

  it('ends with the present state in the log, a minute later at most', () => {
    const { clock, log, details, side } = setUp();
    side.up();
    side.down('timeout');
    clock.advance(10_000);
    side.up();
    clock.advance(10_000);
    side.down('dns');
    expect(log).toHaveLength(3);
    clock.advance(39_999);
    expect(log).toHaveLength(3);
    clock.advance(1);
    expect(log.slice(3)).toEqual(['60s warn the server is down, unknown since 2026-01-01T00:00:20.000Z']);
    expect(details[3]).toEqual({ side: 'the server', since: '2026-01-01T00:00:20.000Z', reason: 'dns' });
    clock.advance(600_000);
    expect(log).toHaveLength(4);
  });

  it('is not kept from logging another change by one that waits', () => {
    const { clock, log, side } = setUp();
    side.up();
    side.down('timeout');
    side.up();
    clock.advance(1000);
    side.down('timeout');
    clock.advance(1000);
    side.refused('bad token');
    expect(log.slice(3)).toEqual(['2s error the server does not accept our credentials']);
    clock.advance(600_000);
    expect(log).toHaveLength(4);
  });

  it('says nothing about a flap that came and went', () => {
    const { clock, log, side } = setUp();
    side.up();
    side.down('timeout');
    side.up();
    clock.advance(1000);
    side.down('timeout');
    clock.advance(1000);
    side.up();
    clock.advance(600_000);
    expect(log).toHaveLength(3);
  });

  it('logs although the clock was turned back', () => {
    const { clock, log, side } = setUp();
    side.up();
    side.down('dns');
    side.up();
    clock.back = 5_000_000;
    side.down('dns');
    expect(log).toHaveLength(4);
  });

  it('is silent once disposed', () => {
    const { clock, log, side } = setUp();
    const told: SideHealth[] = [];
    side.subscribe((health) => told.push(health));
    side.up();
    side.down('timeout');
    side.up();
    side.down('timeout');
    side[Symbol.dispose]();
    expect(clock.timers).toBe(0);
    side.refused('bad token');
    clock.advance(600_000);
    expect(log).toHaveLength(3);
    expect(told).toHaveLength(4);
  });
});
