import type { Connection } from './connection.ts';
import type { GatewayContext, SeenIdentify } from './context.ts';
import { isObject } from './frames.ts';
import { Session } from './sessions.ts';

/** Op 2: logs in, and makes the user online for everybody, whatever she had set (contract §3.4). */
export function identify(connection: Connection, d: unknown): void {
  const { context } = connection;
  const fields = isObject(d) ? d : {};
  const { token, intents, compress } = fields;
  const note = (outcome: SeenIdentify['outcome'], userId: string | null) =>
    context.identifies.push({
      userId,
      token,
      intents,
      compress,
      outcome,
      at: context.settings.clock.now(),
    });

  if (context.faults.takeIdentify()) {
    note('ignored', null);
    return;
  }
  if (context.faults.takeInvalid()) {
    note('op 9', null);
    connection.send('{"op":9,"d":false}');
    return;
  }
  const result = check(connection, d, fields);
  note(typeof result === 'object' ? 'ready' : result, typeof result === 'object' ? result.userId : null);
  if (result === 'crash') connection.crash();
  else if (typeof result === 'number') connection.close(result);
  else begin(connection, result.userId, result.intents, Boolean(compress));
}

type Checked = { readonly userId: string; readonly intents: number } | 'crash' | 4002 | 4004 | 4005 | 4013;

function check(connection: Connection, d: unknown, fields: Record<string, unknown>): Checked {
  const { settings, accounts, verifications } = connection.context;
  const { dialect } = settings;
  if (connection.session) return 4005;
  if (!d || (typeof d === 'object' && Object.keys(d).length === 0)) return 4002;
  if (!isObject(d)) return 'crash';
  const { token, intents = dialect.defaultIntents, properties = {} } = fields;
  if (typeof token !== 'string' || token === '') return 4004;
  if (typeof intents !== 'number' || Array.isArray(properties)) return 'crash';
  if (intents < 0 || intents > dialect.maxIntents) return 4013;
  if (!verifications.take(connection.address)) return 4004;
  const verified = accounts.verify(token);
  if ('message' in verified) return 4004;
  const { userId } = verified.identity;
  return accounts.known(userId).state === 'active' ? { userId, intents } : 4004;
}

function begin(connection: Connection, userId: string, intents: number, compress: boolean): void {
  const { context } = connection;
  const session = new Session(context.settings, userId, intents, connection);
  if (compress) connection.line.compress();
  // Others hear of it before she gets READY.
  context.presence.connected(userId);
  context.sessions.set(session.id, session);
  connection.session = session;
  session.ready(JSON.stringify(readyBody(context, session)));
}

/** No presences, no friends, and a URL that leads nowhere. */
function readyBody({ accounts, relations }: GatewayContext, session: Session) {
  const id = session.userId;
  const guilds = relations.guildsOf(id).map((guild) => ({
    id: guild.id,
    name: guild.name,
    unavailable: false,
  }));
  const { username } = accounts.known(id);
  return {
    v: 10,
    user: { id, username, discriminator: '0', avatar: null, bot: false },
    guilds,
    session_id: session.id,
    resume_gateway_url: 'wss://gateway.example.com',
    application: { id, flags: 0 },
  };
}
