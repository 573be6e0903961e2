import type { FastifyInstance } from 'fastify';
import { BridgeError } from '../../../presence/errors.ts';
import type { PersonId } from '../../../presence/identity.ts';
import { idOn } from '../../../presence/network.ts';
import type { Own, Shown } from '../../../presence/shown.ts';
import { NOTHING_SHOWN } from '../../../presence/shown.ts';
import { encodePresence } from '../../../protocols/plexichat/codec.ts';
import { parseUserId } from '../../../protocols/plexichat/ids.ts';
import { wirePresence } from '../../../protocols/plexichat/wire.ts';
import type { Documentation } from '../../http/documentation.ts';
import { authenticate } from '../auth.ts';
import type { PlexichatContext, UserParams } from '../context.ts';
import { ME, userParams } from '../context.ts';

const documentation: Documentation = {
  summary: 'The presence of a user, or of the caller as she sees it',
  tags: ['presence'],
  params: userParams,
  response: { 200: wirePresence.describe('Offline, with nulls, also for whoever is unknown or not visible') },
  errors: ['bad_parameter'],
};

/** Plexichat presence: GET. Whoever is unknown or not visible is offline. */
export function getPresence(app: FastifyInstance, context: PlexichatContext): void {
  const { presence, people, network, dialectSetting } = context;

  app.get<UserParams>('/users/:userId/presence', { config: { documentation } }, async (request) => {
    const reader = (await authenticate(request, context)).person;
    if (request.params.userId === ME) {
      const id = idOn(await people.get(reader), network);
      return encodePresence(id, await presence.own(reader), dialectSetting);
    }
    const id = parseUserId(request.params.userId);
    if (id === null) throw new BridgeError('bad_parameter', 'Invalid user ID');
    return encodePresence(id, await look(reader, id), dialectSetting);
  });

  async function look(reader: PersonId, id: string): Promise<Own | Shown> {
    const target = await people.find({ network: network.name, id });
    if (!target) return NOTHING_SHOWN;
    if (target.id === reader) return presence.own(reader);
    return (await presence.shown(reader, target)) ?? NOTHING_SHOWN;
  }
}
