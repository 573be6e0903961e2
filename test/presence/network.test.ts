import { describe, expect, it } from 'vitest';
import type { Person, PersonAddress, PersonId } from '../../src/presence/identity.ts';
import { ownAddress, sameAddress } from '../../src/presence/identity.ts';
import { homeAddress, idOn } from '../../src/presence/network.ts';
import { fakeNetwork, PROFILE } from '../helpers/bridge.ts';
import { LOUD, QUIET } from './dialects.ts';
import { loud, on, onLoud, onQuiet, quiet } from './world.ts';

const networks = [loud, quiet];
const own = (address: ReturnType<typeof onLoud>): PersonAddress => ({ ...address, kind: 'own' });
const standIn = (id: string): PersonAddress => ({ ...onLoud(id), kind: 'stand-in' });
const alias = (id: string): PersonAddress => ({ ...onLoud(id), kind: 'alias' });

function person(...addresses: PersonAddress[]): Person {
  return { ...PROFILE, id: 'p' as PersonId, createdAt: 0, addresses };
}

/** Semantics §1. */
const ROWS: [what: string, addresses: PersonAddress[], loudId: string, quietId: string][] = [
  ['of one network', [own(onLoud('a'))], 'a', 'quiet-of-a'],
  ['of the other', [own(onQuiet('b')), standIn('loud-1')], 'loud-1', 'b'],
  ['of both', [own(onLoud('a')), own(onQuiet('b'))], 'a', 'b'],
  ['of both, once linked', [alias('loud-1'), own(onLoud('a')), own(onQuiet('b'))], 'a', 'b'],
];

describe('the id that a person answers with', () => {
  it.each(ROWS)('%s', (_, addresses, loudId, quietId) => {
    expect(idOn(person(...addresses), loud)).toBe(loudId);
    expect(idOn(person(...addresses), quiet)).toBe(quietId);
  });

  it.each([loud, quiet])('must exist on $name', (network) => {
    expect(() => idOn(person(alias('loud-1')), network)).toThrow(/p has no address on/);
  });
});

describe('where an address leads', () => {
  it.each([
    ['a derived stand-in, to its account', onQuiet('quiet-of-a'), onLoud('a')],
    ['an account, to itself', onQuiet('b'), onQuiet('b')],
    ['an allocated stand-in, to itself', onLoud('loud-1'), onLoud('loud-1')],
    ['an unknown network’s, to itself', on('none' as typeof LOUD)('x'), on('none' as typeof LOUD)('x')],
  ])('%s', (_, from, to) => {
    expect(homeAddress(from, networks)).toEqual(to);
    expect(homeAddress(from, [...networks].reverse())).toEqual(to);
  });

  it('is itself when there is no other network', () => {
    expect(homeAddress(onQuiet('quiet-of-a'), [fakeNetwork(QUIET, 'derived')])).toEqual(
      onQuiet('quiet-of-a'),
    );
  });
});

describe('addresses', () => {
  it('are the same by network and id', () => {
    expect(sameAddress(onLoud('a'), onLoud('a'))).toBe(true);
    expect(sameAddress(onLoud('a'), onLoud('b'))).toBe(false);
    expect(sameAddress(onLoud('a'), onQuiet('a'))).toBe(false);
  });

  it('are her own only as accounts', () => {
    expect(ownAddress(person(standIn('loud-1'), own(onQuiet('b'))), LOUD)).toBeUndefined();
    expect(ownAddress(person(alias('loud-1'), own(onLoud('a'))), LOUD)?.id).toBe('a');
  });
});
