import { expect, it } from 'vitest';
import { BridgeError } from '../../src/presence/errors.ts';
import { MemoryStore } from '../../src/stores/memory/memory-store.ts';
import { failOnDemand } from '../helpers/bent-store.ts';
import { makeApp } from '../helpers/app.ts';

/** Semantics §10: what is not durable is not acknowledged, and says so in each network's own form. */
it.each(['store_unavailable', 'overloaded'] as const)(
  '%s answers 503 on every surface, changes nothing, and ends by itself',
  async (code) => {
    const failure = new BridgeError(code, '', { cause: new Error('secret path') });
    const disk = failOnDemand(new MemoryStore(), failure);
    const { http, call, person } = await makeApp({}, { store: disk.store });
    const una = await person({ plexichat_id: '175928847299117063', matrix_id: '@una:localhost' });
    const { plexichat, matrix } = una;
    const status = `/_matrix/client/v3/presence/${matrix.id}/status`;
    const writes = [
      () => call('PUT', '/api/v1/users/@me/presence', plexichat.token, { status: 'dnd' }),
      () => call('PUT', status, matrix.token, { presence: 'unavailable' }),
      () => call('PUT', '/bridge/v1/me/mode', matrix.token, { mode: 'idle' }),
    ];
    await call('PUT', '/api/v1/users/@me/presence', plexichat.token, { status: 'online' });

    disk.broken = true;
    const [onPlexichat, onMatrix, onBridge] = await Promise.all(writes.map((write) => write()));
    for (const reply of [onPlexichat, onMatrix, onBridge]) {
      expect([reply?.status, reply?.headers['retry-after']]).toEqual([503, '1']);
      expect(reply?.text).not.toContain('secret');
    }
    expect(onPlexichat?.body).toEqual({ error: { code: 503, message: expect.any(String) } });
    expect(onMatrix?.body).toEqual({ errcode: 'M_UNKNOWN', error: expect.any(String) });
    expect(onBridge?.body).toEqual({ error: { code, message: expect.any(String) } });
    expect((await call('GET', status, matrix.token)).body.presence).toBe('online');

    disk.broken = false;
    for (const write of writes) expect((await write()).status).toBe(200);
    await http.close();
  },
);
