import { describe, expect, it } from 'vitest';
import type { Mode } from '../../src/presence/record.ts';
import { MODES } from '../../src/presence/record.ts';
import type { Surface } from '../fixtures/translation.ts';
import {
  INWARD,
  OUTWARD,
  STATUS_TO_MATRIX,
  STATUS_TO_PLEXICHAT,
  SUCCESSION,
} from '../fixtures/translation.ts';
import type { TestApp, TestPerson } from '../helpers/app.ts';
import { makeApp } from '../helpers/app.ts';

const UNA = { plexichat_id: '175928847299117063', matrix_id: '@una:localhost' };
const READER = { plexichat_id: '175928847299117064', matrix_id: '@reader:localhost' };
const VERSION: Record<string, string> = { v1: 'api/v1', r0: 'r0', v3: 'v3', busy: 'v3' };

interface Scene {
  readonly app: TestApp;
  readonly una: TestPerson;
  readonly reader: TestPerson;
}

async function scene(settings: object = {}): Promise<Scene> {
  const app = await makeApp(settings);
  return { app, una: await app.person(UNA), reader: await app.person(READER) };
}

async function write({ app, una }: Scene, surface: Surface, word: string, status: object = {}) {
  if (surface === 'plexichat') {
    const body = { status: word, ...status };
    return app.call('PUT', '/api/v1/users/@me/presence', una.plexichat.token, body);
  }
  if (surface === 'bridge') {
    return app.call('PUT', '/bridge/v1/me/mode', una.matrix.token, { mode: word, ...status });
  }
  const url = `/_matrix/client/${VERSION[surface]}/presence/${una.matrix.id}/status`;
  return app.call('PUT', url, una.matrix.token, { presence: word, ...status });
}

async function read({ app, una, reader }: Scene, surface: Surface, as: 'own' | 'others') {
  const from = as === 'own' ? una : reader;
  if (surface === 'plexichat') {
    const url = `/api/v1/users/${una.plexichat.id}/presence`;
    const { body } = await app.call('GET', url, from.plexichat.token);
    return { word: body.status, text: body.custom_status, emoji: body.custom_emoji };
  }
  const url = `/_matrix/client/${VERSION[surface]}/presence/${una.matrix.id}/status`;
  const { body } = await app.call('GET', url, from.matrix.token);
  return { word: body.presence, text: body.status_msg ?? null, emoji: null };
}

/** Two surfaces together tell all modes apart. */
async function meaningOf(at: Scene): Promise<Mode | undefined> {
  const plexichat = (await read(at, 'plexichat', 'own')).word;
  const v1 = (await read(at, 'v1', 'own')).word;
  return MODES.find((mode) => OUTWARD[mode].plexichat.own === plexichat && OUTWARD[mode].v1.own === v1);
}

const busyOn = (...surfaces: Surface[]) => ({ matrix: { busy: surfaces.includes('busy') } });

describe('outward: what each surface calls a mode', () => {
  const cells = MODES.flatMap((mode) =>
    (['plexichat', 'v1', 'r0', 'v3', 'busy'] as const).flatMap((surface) =>
      (['own', 'others'] as const).map((as) => [mode, surface, as] as const),
    ),
  );
  it.each(cells)('%s on %s to %s', async (mode, surface, as) => {
    const at = await scene(busyOn(surface));
    if (mode === 'chat') await write(at, 'v1', 'free_for_chat');
    else await write(at, 'bridge', mode);
    expect((await read(at, surface, as)).word).toBe(OUTWARD[mode][surface][as]);
  });
});

describe('inward: what each word means', () => {
  it.each(INWARD)('%s %s', async (surface, word, meaning) => {
    const at = await scene(busyOn(surface));
    // Something else before, so that a refused word can be seen to change nothing.
    await write(at, 'bridge', meaning === 'idle' ? 'online' : 'idle');
    const { status } = await write(at, surface, word);
    expect([status, await meaningOf(at)]).toEqual(meaning === null ? [400, 'idle'] : [200, meaning]);
  });
});

describe('succession: echoes and sticky modes', () => {
  it.each(SUCCESSION)('%j then %j, sticky %s: %s', async (first, second, sticky, meaning) => {
    const at = await scene({ ...busyOn(first[0], second[0]), translation: { sticky } });
    expect((await write(at, ...first)).status).toBe(200);
    expect((await write(at, ...second)).status).toBe(200);
    expect(await meaningOf(at)).toBe(meaning);
  });
});

describe('status text', () => {
  it.each(STATUS_TO_MATRIX)('%j to Matrix', async (custom, statusMsg) => {
    const at = await scene();
    await write(at, 'plexichat', 'online', custom);
    for (const surface of ['v1', 'r0', 'v3'] as const) {
      expect((await read(at, surface, 'others')).text).toBe(statusMsg);
    }
    // What was written comes back as it was, also after a Matrix client echoed what it saw.
    await write(at, 'v3', 'online', { status_msg: statusMsg });
    const { text, emoji } = await read(at, 'plexichat', 'others');
    expect({ text, emoji }).toEqual({
      text: custom.custom_status ?? null,
      emoji: custom.custom_emoji ?? null,
    });
  });

  it.each(STATUS_TO_PLEXICHAT)('%j to Plexichat', async (statusMsg, customStatus) => {
    const at = await scene();
    await write(at, 'v3', 'online', { status_msg: statusMsg });
    expect((await read(at, 'plexichat', 'others')).text).toBe(customStatus);
    await write(at, 'plexichat', 'online', { custom_status: customStatus });
    expect((await read(at, 'v3', 'others')).text).toBe(statusMsg);
  });

  it('is cleared by Matrix only when it came from there', async () => {
    const at = await scene();
    await write(at, 'plexichat', 'online', { custom_status: 'mine' });
    await write(at, 'v3', 'unavailable');
    expect((await read(at, 'plexichat', 'own')).text).toBe('mine');
    await write(at, 'v3', 'online', { status_msg: 'theirs' });
    await write(at, 'v3', 'unavailable');
    expect((await read(at, 'plexichat', 'own')).text).toBeNull();
    await write(at, 'plexichat', 'online', { custom_status: 'mine' });
    await write(at, 'v3', 'unavailable', { status_msg: '' });
    expect((await read(at, 'plexichat', 'own')).text).toBeNull();
  });
});
