import { describe, expect, it } from 'vitest';
import type { Connector } from '../../src/connectors/connector.ts';
import { Lives } from '../../src/connectors/lives.ts';
import { ManualClock, START } from '../helpers/clock.ts';
import { COLUMNS, open } from './fault-table.ts';
import type { Column } from './fault-table.ts';
import { drive, pass, settle } from './faults/side.ts';
import { deferred } from './matrix/receiving.ts';

function makeLives() {
  const clock = new ManualClock();
  const told: string[] = [];
  const ends: (() => void)[] = [];
  let count = 0;
  const make = (): Connector => {
    const name = String(++count);
    return {
      start: () => void told.push(`start ${name}`),
      health: () => ({ name, state: 'up', since: 1, reason: null, backlog: 2, warnings: ['w'] }),
      async [Symbol.asyncDispose]() {
        told.push(`ending ${name}`);
        const { promise, resolve } = deferred();
        ends.push(resolve);
        await promise;
        told.push(`ended ${name}`);
      },
    };
  };
  const metrics = {
    up: (is: boolean) => void told.push(`up ${is}`),
    backlog: (size: number) => void told.push(`backlog ${size}`),
  };
  return { clock, told, ends, lives: new Lives({ name: 'server', clock, metrics, make }) };
}

describe('lives', () => {
  const IDLE = { name: 'server', state: 'starting', reason: null, backlog: 0, warnings: [] };

  it('are made when they start, and not twice', () => {
    const { lives, told } = makeLives();
    expect([lives.current, lives.health()]).toEqual([null, { ...IDLE, since: START }]);
    lives.start();
    lives.start();
    expect(told).toEqual(['start 1']);
    expect(lives.health()).toMatchObject({ name: '1', state: 'up' });
  });

  it('end as a whole before the next begins', async () => {
    const { lives, told, ends, clock } = makeLives();
    lives.start();
    const ended = Promise.all([lives[Symbol.asyncDispose](), lives[Symbol.asyncDispose]()]);
    expect(lives.current).toBeNull();
    lives.start();
    expect(told).toEqual(['start 1', 'ending 1']);
    clock.advance(5000);
    ends[0]?.();
    await ended;
    expect(told).toEqual(['start 1', 'ending 1', 'ended 1', 'up false', 'backlog 0', 'start 2']);
  });

  it('that are wanted no more do not begin', async () => {
    const { lives, told, ends, clock } = makeLives();
    lives.start();
    const ended = lives[Symbol.asyncDispose]();
    lives.start();
    const again = lives[Symbol.asyncDispose]();
    clock.advance(5000);
    ends[0]?.();
    await Promise.all([ended, again]);
    expect(told).not.toContain('start 2');
    expect(lives.health()).toEqual({ ...IDLE, since: START + 5000 });
  });

  it('that never began leave nothing', async () => {
    const { lives, told } = makeLives();
    await lives[Symbol.asyncDispose]();
    expect(told).toEqual([]);
  });
});

describe('a connector that is ended and started anew', () => {
  it.each(Object.keys(COLUMNS) as Column[])('%s', async (column) => {
    const nothing = { state: 'up', log: [], grows: [], begin: () => Promise.reject(new Error()) } as const;
    await using side = await open(column, nothing);
    const isUp = async () => side.health().state === 'up' && (await side.agrees());
    const up = `plexibridge_connector_up{network="${COLUMNS[column].network}"}`;
    const requests = async () => {
      const counts = [...(await side.metrics())].filter(([name]) => name.includes('requests_total'));
      return counts.reduce((sum, [, count]) => sum + count, 0);
    };
    side.start();
    await drive(side, isUp);
    for (let life = 2; life <= 3; life++) {
      await side.stop();
      await settle(side);
      const before = await requests();
      if (life === 2) await side.speakHere();
      await side.speakThere();
      const back = await side.restart();
      await pass(side, 60_000);
      await back();
      expect([(await side.metrics()).get(up), side.health().state]).toEqual([0, 'starting']);
      // Nothing new is said the second time, but a homeserver has forgotten who was there.
      const isNews = life === 2 || column === 'homeserver';
      expect([await requests(), await side.agrees()]).toEqual([before, !isNews]);
      side.start();
      await drive(side, isUp);
      expect((await side.metrics()).get(up)).toBe(1);
    }
    expect(side.problems).toEqual([]);
  });
});
