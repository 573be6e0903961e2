import type { Change, PresenceService } from '../../src/presence/service.ts';
import type { Shown } from '../../src/presence/shown.ts';
import type { Insides, Obtained, PushesLeak } from './pushes-world.ts';

const STAND_IN = '@_plexichat_175928847299117063:hs.test';
const KEEP_ALIVE_MS = 25_000;

/** The presence with some of its methods replaced. */
function bent(presence: PresenceService, replaced: Partial<PresenceService>): PresenceService {
  return new Proxy(presence, {
    get: (target, key: keyof PresenceService) => replaced[key] ?? target[key].bind(target),
  });
}

/** A build that betrays, once for every durable change while she is hidden. */
function whileHidden(betray: (insides: Insides) => void): PushesLeak {
  return (insides) => {
    const { presence, una } = insides;
    presence.subscribe(({ person, own }) => {
      if (person === una && own.mode === 'invisible') betray(insides);
    });
    return presence;
  };
}

function sayGone({ homeserver }: Insides): void {
  const request = {
    method: 'PUT' as const,
    path: `/_matrix/client/v3/presence/${encodeURIComponent(STAND_IN)}/status`,
    query: { user_id: STAND_IN },
    headers: { authorization: 'Bearer as-token' },
    body: { presence: 'offline' },
  };
  homeserver.request(request).catch(() => undefined);
}

/** What she sees of herself in place of what others are shown. */
const ownForShown: PushesLeak = ({ presence }) => {
  const shown = ({ own }: Change) => own as Shown;
  return bent(presence, {
    look: async (person) => {
      const change = await presence.look(person);
      return { ...change, shown: shown(change) };
    },
    apart: async (person, network) => {
      const { feed } = await presence.apart(person, network);
      return { feed, shown: shown(await presence.look(person)) };
    },
  });
};

const keepAlive: PushesLeak = (insides) => {
  const { presence, una, clock } = insides;
  const again = async () => {
    const { own } = await presence.look(una);
    if (own.mode === 'invisible') sayGone(insides);
    clock.after(KEEP_ALIVE_MS, () => void again());
  };
  clock.after(KEEP_ALIVE_MS, () => void again());
  return presence;
};

/** Builds that leak, by where it is to be seen. */
export const LEAKS: readonly [what: string, where: keyof Obtained, leak: PushesLeak][] = [
  ['what she says while hidden, by pushing what she sees of herself', 'homeserver', ownForShown],
  ['the word invisible, by pushing what she sees of herself', 'server', ownForShown],
  ['that she is hidden, by saying again and again that she is gone', 'homeserver', keepAlive],
  ['when she does something while hidden, by a write', 'homeserver', whileHidden(sayGone)],
  [
    'when she does something while hidden, by a reading',
    'server',
    whileHidden(({ server }) => void server.presence('1.una', '175928847299117063')),
  ],
  [
    'what she does while hidden, by counting it',
    'metrics',
    whileHidden(({ metrics }) => metrics.pushed('unchanged')),
  ],
  ['what she does while hidden, by logging it', 'logs', whileHidden(({ log }) => log('unchanged'))],
];
