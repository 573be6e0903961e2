import type { FastifyInstance } from 'fastify';
import { versionsAnswer } from '../../../protocols/matrix/wire.ts';
import type { Documentation } from '../../http/documentation.ts';
import type { MatrixContext } from '../context.ts';

const documentation: Documentation = {
  summary: 'Which versions of the API there are',
  tags: ['around'],
  response: { 200: versionsAnswer.describe('The versions') },
  open: true,
};

/** Every v1.x up to v1.13; clients look for one that they know. */
const VERSIONS = ['r0.6.1', ...Array.from({ length: 13 }, (_, index) => `v1.${index + 1}`)];

/** `GET /versions`, for anybody. */
export function versions(app: FastifyInstance, { busy }: Pick<MatrixContext, 'busy'>): void {
  app.get('/_matrix/client/versions', { exposeHeadRoute: true, config: { documentation } }, () => ({
    versions: VERSIONS,
    unstable_features: { 'org.matrix.msc3026.busy_presence': busy },
  }));
}
