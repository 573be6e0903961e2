import type { FastifyInstance } from 'fastify';
import type { MatrixContext } from '../context.ts';

/** Every v1.x up to v1.13; clients look for one that they know. */
const VERSIONS = ['r0.6.1', ...Array.from({ length: 13 }, (_, index) => `v1.${index + 1}`)];

/** `GET /versions`, for anybody. */
export function versions(app: FastifyInstance, { busy }: Pick<MatrixContext, 'busy'>): void {
  app.get('/_matrix/client/versions', { exposeHeadRoute: true }, () => ({
    versions: VERSIONS,
    unstable_features: { 'org.matrix.msc3026.busy_presence': busy },
  }));
}
