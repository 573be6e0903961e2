import { z } from 'zod';
import { isServerName, isStandInTemplate } from '../../protocols/matrix/ids.ts';

/** The settings of the Matrix surface. */
export function matrixSection(defaultStandInTemplate: string) {
  return z.strictObject({
    server_name: z
      .string()
      .refine(isServerName, 'must be a host name or address, with an optional port')
      .default('localhost')
      .describe('The domain of the Matrix ids that the bridge itself gives out'),
    stand_in_template: z
      .string()
      .refine(isStandInTemplate, 'must be a user id with {id} and something else before the colon')
      .default(defaultStandInTemplate)
      .describe(
        'The Matrix id of people who have none; {id} is their other id, {server_name} the name above',
      ),
    busy: z
      .boolean()
      .default(false)
      .describe('Whether r0 and v3 say do-not-disturb as org.matrix.msc3026.busy (MSC3026)'),
    query_tokens: z
      .boolean()
      .default(true)
      .describe('Whether r0 and v3 accept ?access_token=; api/v1 always does'),
  });
}
