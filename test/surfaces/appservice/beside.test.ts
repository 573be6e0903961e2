import { expect, it } from 'vitest';
import { appserviceSurface } from '../../../src/surfaces/appservice/surface.ts';
import { makeApp as makeClientApp } from '../matrix/matrix-app.ts';
import { HS_TOKEN, NETWORK } from './appservice-app.ts';

it('stands beside the client API, whose answers it leaves as they are', async () => {
  const received: string[] = [];
  const { app, alice, gate } = await makeClientApp();
  await app.register(appserviceSurface, {
    gate,
    secrets: { hash: (text) => text },
    hsToken: HS_TOKEN,
    network: NETWORK,
    protocols: [],
    receiver: { receive: (txnId) => Promise.resolve(void received.push(txnId)) },
    provideStandIn: () => Promise.resolve(true),
  });
  const call = async (method: string, url: string, token: string) => {
    const headers = { authorization: `Bearer ${token}` };
    const body = method === 'PUT' ? { payload: '{"events":[]}' } : {};
    const reply = await app.inject({ method: method as 'GET', url, headers, ...body });
    return [reply.statusCode, reply.json().errcode];
  };
  for (const root of ['/_matrix/app/v1', '']) {
    expect(await call('PUT', `${root}/transactions/1`, HS_TOKEN)).toEqual([200, undefined]);
    expect(await call('PUT', `${root}/transactions/2`, alice.token)).toEqual([403, 'M_FORBIDDEN']);
  }
  expect(received).toEqual(['1', '1']);
  const whoami = '/_matrix/client/v3/account/whoami';
  expect(await call('GET', whoami, alice.token)).toEqual([200, undefined]);
  expect(await call('GET', whoami, HS_TOKEN)).toEqual([401, 'M_UNKNOWN_TOKEN']);
  expect(await call('GET', '/_matrix/app/v1/nothing', HS_TOKEN)).toEqual([404, 'M_UNRECOGNIZED']);
  expect(await call('DELETE', '/_matrix/app/v1/ping', HS_TOKEN)).toEqual([405, 'M_UNRECOGNIZED']);
});
