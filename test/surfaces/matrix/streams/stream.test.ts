import { beforeEach, describe, expect, it } from 'vitest';
import type { Watcher } from '../../../../src/presence/audience.ts';
import type { Person, PersonId } from '../../../../src/presence/identity.ts';
import type { Own, Shown } from '../../../../src/presence/shown.ts';
import { NOTHING_SHOWN } from '../../../../src/presence/shown.ts';
import { Stream } from '../../../../src/surfaces/matrix/streams/stream.ts';
import { PROFILE } from '../../../helpers/bridge.ts';
import { ManualClock } from '../../../helpers/clock.ts';

const ONLINE: Shown = { mode: 'online', status: null, lastActivity: 5 };
const IDLE: Shown = { ...ONLINE, mode: 'idle' };

const person = (id: string): Person => ({ ...PROFILE, id: id as PersonId, createdAt: 0, addresses: [] });
const ann = person('ann');
const bob = person('bob');

let clock: ManualClock;
let watcher: Watcher;

/** A stream of Ann's, whose one contact Bob is online; `meanwhile` happens before she has her first view. */
async function open(meanwhile: (watcher: Watcher) => void = () => undefined): Promise<Stream> {
  const watch = async (_id: PersonId, given: Watcher) => {
    watcher = given;
    const view = {
      own: ONLINE,
      sightings: [{ person: bob, shown: ONLINE }],
      [Symbol.dispose]: () => undefined,
    };
    meanwhile(watcher);
    return Promise.resolve(view);
  };
  return Stream.open(ann, { audience: { watch }, clock });
}

const modes = (stream: Stream) => stream.entries().map(({ person: { id }, face }) => `${id} ${face.mode}`);

beforeEach(() => {
  clock = new ManualClock();
});

describe('a stream', () => {
  it('does not lose what changes while it is opened', async () => {
    const stream = await open((early) => {
      early.sighted({ person: bob, shown: IDLE });
      early.own({ ...ONLINE, mode: 'dnd' });
    });
    expect(modes(stream)).toEqual(['bob idle', 'ann dnd']);
  });

  it('is in order of the changes', async () => {
    const stream = await open();
    expect(modes(stream)).toEqual(['ann online', 'bob online']);
    watcher.own(IDLE);
    expect(modes(stream)).toEqual(['bob online', 'ann idle']);
    expect(stream.entries().map(({ at }) => at)).toEqual([2, 3]);
  });

  it('is not moved by her own activity alone, and yet knows it', async () => {
    const stream = await open();
    const before = stream.position;
    const later: Own = { ...ONLINE, lastActivity: 999_999 };
    watcher.own(later);
    expect(stream.position).toBe(before);
    expect(stream.entries()[0]?.face).toBe(later);
  });

  it('knows positions of its own only', async () => {
    const stream = await open();
    expect(stream.locate(stream.cursorAt(1))).toBe(1);
    expect(stream.locate(stream.cursorAt(3))).toBeNull();
    clock.advance(1);
    expect((await open()).locate(stream.cursorAt(1))).toBeNull();
  });

  it('shows her under the addresses that she has now', async () => {
    const stream = await open();
    const renamed = { ...ann, displayName: 'Ann' };
    stream.meet(renamed);
    expect(stream.entries()[0]?.person).toBe(renamed);
    expect(stream.position).toBe(2);
  });

  it('forgets the first of too many who vanished, and positions before that', async () => {
    const stream = await open();
    const start = stream.cursorAt(stream.position);
    for (let index = 0; index <= 1000; index++) {
      watcher.sighted({ person: person(`p${index}`), shown: NOTHING_SHOWN });
    }
    expect(modes(stream).slice(0, 3)).toEqual(['ann online', 'bob online', 'p1 offline']);
    expect(stream.entries()).toHaveLength(1002);
    expect(stream.locate(start)).toBeNull();
    expect(stream.locate(stream.cursorAt(3))).toBe(3);
  });
});
