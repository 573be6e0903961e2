import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  isServerName,
  isStandInTemplate,
  matrixNetwork,
  parseUserId,
} from '../../../src/protocols/matrix/ids.ts';

const network = matrixNetwork({ serverName: 'bridge.test', standInTemplate: '@_bridge_{id}:{server_name}' });
const { standIns } = network;
if (standIns.kind !== 'derived') throw new Error('stand-ins are not derived');

describe('user ids', () => {
  it.each([
    '@alice:example.com',
    '@alice:example.com:8448',
    '@alice:127.0.0.1',
    '@alice:[::1]:8448',
    '@Alice=/+_.-:localhost',
    "@o'hara!#$%&()*,;<>?[]{}|~`^:localhost",
    '@ünï💻:localhost',
    `@${'a'.repeat(244)}:localhost`,
  ])('%s is one, as it is written', (id) => {
    expect(parseUserId(id)).toBe(id);
    expect(network.parseId(id)).toBe(id);
  });

  it.each([
    '',
    '@',
    'alice',
    '@alice',
    'alice:example.com',
    '@:example.com',
    '@alice:',
    '@alice:exa mple.com',
    '@alice:example.com:port',
    '@alice:example.com:123456',
    '@alice:example.com/',
    '@alice:[::1',
    '@al ice:example.com',
    '@al\u00a0ice:example.com',
    '@al\u0000ice:example.com',
    '@al\nice:example.com',
    '@al\u0085ice:example.com',
    '@al\ud800ice:example.com',
    '@alice:example.com\n',
    ' @alice:example.com',
    '#alice:example.com',
    `@${'a'.repeat(245)}:localhost.`,
    `@${'é'.repeat(123)}:localhost`,
  ])('%j is none', (text) => {
    expect(parseUserId(text)).toBeNull();
  });
});

describe('server names', () => {
  it.each(['localhost', 'a.b-c.test', 'localhost:8790', '10.0.0.1:1', '[2001:db8::1]'])('%s', (name) => {
    expect(isServerName(name)).toBe(true);
  });

  it.each(['', 'a b', 'http://a', 'a:', 'a:b', '[::1', '@a:b', 'a/b'])('not %j', (name) => {
    expect(isServerName(name)).toBe(false);
  });
});

describe('stand-ins', () => {
  it.each(['@_bridge_{id}:{server_name}', '@{id}.there:{server_name}', '@x{id}y:other.test:8448'])(
    '%s is a template',
    (template) => {
      expect(isStandInTemplate(template)).toBe(true);
    },
  );

  it.each([
    '',
    '@_bridge_:{server_name}',
    '@{id}:{server_name}',
    '@_{id}_{id}:{server_name}',
    '@_{id}{name}:{server_name}',
    '@_{server_name}:{id}',
    '_{id}:{server_name}',
    '@_{id}',
    '@_ {id}:{server_name}',
    '@_{id}:https://x',
  ])('%j is none', (template) => {
    expect(isStandInTemplate(template)).toBe(false);
  });

  it('are read back without a look-up', () => {
    expect(standIns.forHome('175928847299117063')).toBe('@_bridge_175928847299117063:bridge.test');
    fc.assert(
      fc.property(fc.bigInt(0n, 2n ** 64n - 1n), (snowflake) => {
        const id = standIns.forHome(String(snowflake));
        expect(parseUserId(id)).toBe(id);
        expect(standIns.homeOf(id)).toBe(String(snowflake));
        expect(network.isStandIn(id)).toBe(true);
      }),
    );
  });

  it.each([
    '@alice:bridge.test',
    '@_bridge_1:bridge.test.',
    '@_bridge_1:other.test',
    '@_bridge_:bridge.test',
    '@_bridge_a:b:bridge.test',
    '@_bridge_É:bridge.test',
    'x@_bridge_1:bridge.test',
  ])('%s is none', (id) => {
    expect(standIns.homeOf(id)).toBeNull();
    expect(network.isStandIn(id)).toBe(false);
  });

  it('are not read where the ends of a template overlap', () => {
    const { standIns } = matrixNetwork({ serverName: 'b', standInTemplate: '@_x_{id}_x:{server_name}' });
    expect(standIns.kind === 'derived' && standIns.homeOf('@_x:b')).toBeNull();
    expect(standIns.kind === 'derived' && standIns.homeOf('@_x_x:b')).toBeNull();
    expect(standIns.kind === 'derived' && standIns.homeOf('@_x_1_x:b')).toBe('1');
  });

  it('take the server name as it is', () => {
    const { standIns } = matrixNetwork({ serverName: '$&.test', standInTemplate: '@_{id}:{server_name}' });
    expect(standIns.kind === 'derived' && standIns.forHome('$1')).toBe('@_$1:$&.test');
  });
});

describe('tokens', () => {
  it('are recognisable', () => {
    expect(network.tokenText('c2VjcmV0', '@alice:localhost')).toBe('pxb_c2VjcmV0');
  });
});
