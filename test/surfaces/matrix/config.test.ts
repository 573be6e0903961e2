import { describe, expect, it } from 'vitest';
import { matrixSection } from '../../../src/surfaces/matrix/config.ts';

const TEMPLATE = '@_bridge_{id}:{server_name}';
const section = matrixSection(TEMPLATE);

describe('the settings', () => {
  it('need nothing', () => {
    expect(section.parse({})).toEqual({
      server_name: 'localhost',
      stand_in_template: TEMPLATE,
      busy: false,
      query_tokens: true,
    });
  });

  it('are all described', () => {
    for (const field of Object.values(section.shape)) expect(field.description).toMatch(/\w{3}/);
  });

  it.each([
    { server_name: 'bridge.test:8448' },
    { server_name: '[::1]:8790' },
    { stand_in_template: '@{id}_there:other.test' },
    { busy: true, query_tokens: false },
  ])('accept %j', (given) => {
    expect(section.parse(given)).toMatchObject(given);
  });

  it.each([
    { server_name: '' },
    { server_name: 'https://bridge.test' },
    { stand_in_template: 'bridge' },
    { busy: 'yes' },
    { busi: true },
  ])('refuse %j', (given) => {
    expect(section.safeParse(given).success).toBe(false);
  });
});
