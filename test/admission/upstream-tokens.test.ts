import { describe, expect, it } from 'vitest';
import type { Introspection, Upstream } from '../../src/admission/upstream-tokens.ts';
import { UpstreamTokens } from '../../src/admission/upstream-tokens.ts';
import { BridgeError } from '../../src/presence/errors.ts';
import { fakeNetwork, makeBridge } from '../helpers/bridge.ts';
import { settled } from '../helpers/settled.ts';

const LEFT = fakeNetwork('left');
const RIGHT = fakeNetwork('right');
const LIVE: Introspection = { live: true, id: 'ann', deviceId: 'PHONE' };

/** A server that answers `answer` and counts how often it was asked. */
class FakeUpstream implements Upstream {
  readonly network = LEFT.name;
  readonly believedMs = 60_000;
  readonly asked: string[] = [];
  readonly told: [string, string][] = [];
  answer: () => Promise<Introspection> = () => Promise.resolve(LIVE);

  recognises(token: string): boolean {
    return token.startsWith('l-');
  }

  introspect(token: string): Promise<Introspection> {
    this.asked.push(token);
    return this.answer();
  }

  profile(_token: string, id: string) {
    return Promise.resolve({ displayName: `Name of ${id}`, avatarUrl: null });
  }

  verified(id: string, token: string): void {
    this.told.push([id, token]);
  }
}

function make() {
  const bridge = makeBridge({ networks: [LEFT, RIGHT] });
  const upstream = new FakeUpstream();
  const tokens = new UpstreamTokens({
    own: bridge.tokens,
    upstreams: [upstream],
    newcomers: bridge.newcomers,
    secrets: { hash: (text) => `hash of ${text} and more` },
    clock: bridge.clock,
  });
  return { ...bridge, upstream, verifier: tokens };
}

describe('a token of a real server', () => {
  it('lets in whoever it is for, as a new person of that name', async () => {
    const { verifier, people, upstream } = make();
    const caller = await verifier.verify('l-1', LEFT.name);
    const person = await people.find({ network: LEFT.name, id: 'ann' });
    expect(caller).toEqual({ person: person?.id, network: LEFT.name, deviceId: 'PHONE' });
    expect(person).toMatchObject({ displayName: 'Name of ann', visibility: 'everyone' });
    expect(upstream.told).toEqual([['ann', 'l-1']]);
  });

  it('lets in the person who has the account already, also once it was linked', async () => {
    const { verifier, person, links } = make();
    const ann = await person([{ network: LEFT.name, id: 'ann' }]);
    expect((await verifier.verify('l-1'))?.person).toBe(ann.person.id);
    const other = await person([{ network: RIGHT.name, id: 'anna' }]);
    const linked = await links.link({ network: LEFT.name, id: 'ann' }, { network: RIGHT.name, id: 'anna' });
    expect([ann.person.id, other.person.id]).toContain(linked.person.id);
    expect((await verifier.verify('l-1'))?.person).toBe(linked.person.id);
  });

  it('without a device has one of its own', async () => {
    const { verifier, upstream } = make();
    upstream.answer = () => Promise.resolve({ live: true, id: 'ann', deviceId: null });
    expect((await verifier.verify('l-1'))?.deviceId).toBe('hash of l-1 and ');
  });

  it('is asked for once by any number of callers, and again after its time', async () => {
    const { verifier, upstream, clock } = make();
    const callers = await Promise.all(['l-1', 'l-1', 'l-1'].map((token) => verifier.verify(token)));
    expect(new Set(callers.map((caller) => caller?.person)).size).toBe(1);
    clock.advance(59_999);
    await verifier.verify('l-1');
    expect(upstream.asked).toEqual(['l-1']);
    clock.advance(1);
    await verifier.verify('l-1');
    expect(upstream.asked).toEqual(['l-1', 'l-1']);
  });

  it('that is not live is refused with the words of the server, which is asked again after a while', async () => {
    const { verifier, upstream, clock } = make();
    const answer = { errcode: 'GONE' };
    upstream.answer = () => Promise.resolve({ live: false, answer });
    for (const step of [0, 9_999, 1]) {
      clock.advance(step);
      await expect(verifier.verify('l-1')).rejects.toMatchObject({
        code: 'unknown_token',
        passedOn: answer,
      });
    }
    expect(upstream.asked).toHaveLength(2);
  });

  it('is never bad because the server cannot be asked; the trouble is not remembered', async () => {
    const { verifier, upstream } = make();
    upstream.answer = () => Promise.reject(new BridgeError('upstream_unavailable'));
    await expect(verifier.verify('l-1')).rejects.toMatchObject({ code: 'upstream_unavailable' });
    upstream.answer = () => Promise.resolve(LIVE);
    expect(await verifier.verify('l-1')).not.toBeNull();
  });

  it.each([
    ['of another network', 'l-1', RIGHT.name],
    ['of no form it knows', 'x-1', LEFT.name],
  ])('%s is not asked for', async (_, token, network) => {
    const { verifier, upstream } = make();
    expect(await verifier.verify(token, network)).toBeNull();
    expect(upstream.asked).toEqual([]);
  });

  it('of the bridge itself is not shown to the server', async () => {
    const { verifier, upstream, person, tokens } = make();
    const { person: ann } = await person([{ network: LEFT.name, id: 'ann' }]);
    const { token } = await tokens.issue(ann.id, LEFT.name, (secret) => `l-${secret}`);
    expect((await verifier.verify(token))?.person).toBe(ann.id);
    expect(upstream.asked).toEqual([]);
  });

  it('has to wait its turn among very many', async () => {
    const { verifier, upstream } = make();
    let answer: (live: Introspection) => void = () => undefined;
    const later = new Promise<Introspection>((resolve) => (answer = resolve));
    upstream.answer = () => later;
    const many = Array.from({ length: 1000 }, (_, n) => verifier.verify(`l-${n}`));
    await settled();
    await expect(verifier.verify('l-new')).rejects.toMatchObject({ code: 'overloaded' });
    answer(LIVE);
    await Promise.all(many);
    expect(await verifier.verify('l-new')).not.toBeNull();
  });
});
