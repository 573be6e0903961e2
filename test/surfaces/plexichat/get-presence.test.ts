import { describe, expect, it } from 'vitest';
import { DIALECT_SETTINGS } from '../../../src/protocols/plexichat/wire.ts';
import { START } from '../../helpers/clock.ts';
import { ALICE, BOB, makeApp } from './plexichat-app.ts';

const NOBODY = '123456789012345678';
const offline = { status: 'offline', custom_status: null, custom_emoji: null, last_seen: null };
const said = { status: 'dnd', custom_status: 'busy', custom_emoji: ':x:' };

describe('GET /users/{user_id}/presence', () => {
  it('shows anybody to anybody with a token, and goes on after she leaves', async () => {
    const { put, look, clock, alice, bob } = await makeApp();
    await put(alice.token, said);
    expect(await look(bob.token, ALICE)).toEqual({ user_id: ALICE, ...said, last_seen: START / 1000 });
    clock.advance(60_000);
    await put(alice.token, { status: 'offline' });
    clock.advance(60_000);
    const left = { ...said, status: 'offline', last_seen: START / 1000 + 60 };
    expect(await look(bob.token, ALICE)).toEqual({ user_id: ALICE, ...left });
  });

  it.each([
    ['-5', '-5'],
    ['0', '0'],
    ['+1', '1'],
    ['1_000', '1000'],
    ['%20007%20', '7'],
    ['%D9%A1%D9%A2', '12'],
    ['9223372036854775808', '9223372036854775808'],
    ['18446744073709551616', '18446744073709551616'],
    [NOBODY, NOBODY],
  ])('%s is nobody, named %s', async (path, user_id) => {
    const { look, alice } = await makeApp();
    expect(await look(alice.token, path)).toEqual({ user_id, ...offline });
  });

  it.each([ALICE, `%20${ALICE}`, `+0${ALICE}`, '@me', '%40me'])('%s is herself', async (path) => {
    const { put, look, alice } = await makeApp();
    await put(alice.token, { ...said, status: 'invisible' });
    const own = { user_id: ALICE, ...said, status: 'invisible', last_seen: START / 1000 };
    expect(await look(alice.token, path)).toEqual(own);
  });

  it.each(['Bearer', 'Bot'])('takes %s, and ignores what it does not need', async (scheme) => {
    const { call, alice } = await makeApp();
    const headers = {
      authorization: `${scheme} ${alice.token}`,
      'x-api-access-token': 'any',
      accept: 'text/html',
    };
    expect((await call('GET', `/users/${ALICE}/presence`, { headers })).statusCode).toBe(200);
  });

  it.each(DIALECT_SETTINGS)('answers for the hidden as for the unknown in %s', async (dialectSetting) => {
    const { put, call, contacts, people, alice, bob } = await makeApp({ dialectSetting });
    const body = async (id: string) => (await call('GET', `/users/${id}/presence`, bob)).body;
    const unknown = (await body(NOBODY)).replace(NOBODY, ALICE);
    expect(unknown).toContain(`"last_seen":${dialectSetting === 'server' ? '0' : 'null'}`);
    expect(await body(ALICE)).toBe(unknown);
    await put(alice.token, said);
    expect(await body(ALICE)).not.toBe(unknown);
    await contacts.block(bob.person.id, alice.person.id, true);
    expect(await body(ALICE)).toBe(unknown);
    await contacts.block(bob.person.id, alice.person.id, false);
    await contacts.block(alice.person.id, bob.person.id, true);
    expect(await body(ALICE)).toBe(unknown);
    await contacts.block(alice.person.id, bob.person.id, false);
    await people.edit(alice.person.id, { visibility: 'nobody' });
    expect(await body(ALICE)).toBe(unknown);
  });

  it('shows the invisible as if she had left', async () => {
    const shown = await Promise.all(
      ['invisible', 'offline'].map(async (status) => {
        const { put, look, clock, alice, bob } = await makeApp();
        await put(alice.token, said);
        clock.advance(60_000);
        await put(alice.token, { status, custom_status: status === 'invisible' ? 'secret' : null });
        return look(bob.token, ALICE);
      }),
    );
    expect(shown[0]).toEqual(shown[1]);
    expect(shown[0]).toMatchObject({ ...said, status: 'offline' });
  });

  it('shows somebody from elsewhere under her stand-in, and chat as online', async () => {
    const { look, elsewhere, stranger, alice } = await makeApp();
    const sue = await stranger('sue');
    await elsewhere(sue, 'chat', { kind: 'set', text: 'x'.repeat(2048), emoji: null });
    expect(await look(alice.token, sue.id)).toEqual({
      user_id: sue.id,
      status: 'online',
      custom_status: `${'x'.repeat(127)}…`,
      custom_emoji: null,
      last_seen: START / 1000,
    });
    expect(await look(sue.token, '@me')).toMatchObject({ user_id: sue.id, status: 'online' });
  });

  it('an alias that a link replaced leads to her still', async () => {
    const { put, look, links, stranger, alice, bob } = await makeApp();
    const sue = await stranger('sue');
    await put(alice.token, said);
    await links.link(alice.person.addresses[0]!, sue.person.addresses[0]!);
    expect(await look(bob.token, sue.id)).toMatchObject({ user_id: sue.id, ...said });
    expect(await look(alice.token, sue.id)).toMatchObject({ user_id: sue.id, ...said });
    expect(await look(bob.token, BOB)).toMatchObject({ user_id: BOB, status: 'offline' });
  });
});
