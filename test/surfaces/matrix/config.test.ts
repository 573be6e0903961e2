import { describe, expect, it } from 'vitest';
import { duration } from '../../../src/config/duration.ts';
import { matrixSection } from '../../../src/surfaces/matrix/config.ts';

const TEMPLATE = '@_bridge_{id}:{server_name}';
const section = matrixSection(TEMPLATE, duration);

describe('the settings', () => {
  it('need nothing', () => {
    expect(section.parse({})).toEqual({
      server_name: 'localhost',
      stand_in_template: TEMPLATE,
      busy: false,
      query_tokens: true,
      sync: {
        max_timeout: 60_000,
        include_offline: false,
        stream_ttl: 600_000,
        max_streams: 20_000,
        waiters_per_person: 20,
      },
    });
  });

  it('are all described', () => {
    const fields = [...Object.values(section.shape), ...Object.values(section.shape.sync.unwrap().shape)];
    for (const field of fields) expect(field.description).toMatch(/\w{3}/);
  });

  it.each([
    { server_name: 'bridge.test:8448' },
    { server_name: '[::1]:8790' },
    { stand_in_template: '@{id}_there:other.test' },
    { busy: true, query_tokens: false },
    { sync: { include_offline: true, max_streams: 1, waiters_per_person: 1 } },
  ])('accept %j', (given) => {
    expect(section.parse(given)).toMatchObject(given);
  });

  it.each([
    { server_name: '' },
    { server_name: 'https://bridge.test' },
    { stand_in_template: 'bridge' },
    { busy: 'yes' },
    { busi: true },
    { sync: { max_timeout: 'never' } },
    { sync: { max_timeout: 60 } },
    { sync: { max_streams: 0 } },
    { sync: { waiters_per_person: 0 } },
    { sync: { timeout: '1s' } },
  ])('refuse %j', (given) => {
    expect(section.safeParse(given).success).toBe(false);
  });
});
