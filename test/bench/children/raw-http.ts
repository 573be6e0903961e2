/* References over node:http and nothing else. */
import { createHash } from 'node:crypto';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DatabaseSync } from '@photostructure/sqlite';
import { fastify } from 'fastify';
import { serveCommands } from './commands.ts';

interface Constant {
  /** With `:id` in it. */
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: string;
}

/** Answers everything with the same, of which the request is not even looked at. */
async function constant({ headers, body }: Constant): Promise<number> {
  const head = { ...headers, 'content-length': Buffer.byteLength(body) };
  return listen((_request, response) => {
    response.writeHead(200, head).end(body);
  });
}

/** The same by Fastify, with a parameter in the path. */
async function bareFastify({ path, headers, body }: Constant): Promise<number> {
  const http = fastify();
  http.get(path, (_request, reply) => {
    void reply.headers(headers).send(body);
  });
  await http.listen({ port: 0, host: '127.0.0.1' });
  return (http.server.address() as AddressInfo).port;
}

const REQUEST = /^\/api\/v1\/users\/(\d+)\/presence$/;

/** Kept: with the driver, a database that nobody holds is closed under its statements. */
const databases: unknown[] = [];

/** Looks up what a GET has to know in the bridge's own files: whose the token is, whom the path names, and how she is. */
async function lookUp({ folder }: { folder: string }): Promise<number> {
  const log = new DatabaseSync(`${folder}/log.db`, { readOnly: true });
  const state = new DatabaseSync(`${folder}/state.db`, { readOnly: true });
  databases.push(log, state);
  const tokens = log.prepare('SELECT person FROM tokens WHERE hash = ?');
  const known = new Map<string, string>();
  const find = log.prepare(
    `SELECT people.id, people.visibility FROM addresses JOIN people ON people.id = addresses.person
     WHERE addresses.network = 'plexichat' AND addresses.id = ?`,
  );
  const between = log.prepare(
    `SELECT EXISTS (SELECT 1 FROM blocks WHERE blocker = ?1 AND blocked = ?2
                    UNION ALL SELECT 1 FROM blocks WHERE blocker = ?2 AND blocked = ?1) AS blocked`,
  );
  const read = state.prepare('SELECT record FROM presence WHERE person = ?');

  function reader(token: string): string | undefined {
    const remembered = known.get(token);
    if (remembered !== undefined) return remembered;
    const row: any = tokens.get(createHash('sha256').update(token).digest('base64url'));
    if (row) known.set(token, row.person);
    return row?.person;
  }

  return listen((request, response) => {
    const caller = reader(request.headers.authorization?.slice('Bearer '.length) ?? '');
    const id = REQUEST.exec(request.url ?? '')?.[1] ?? '';
    const person: any = find.get(id);
    const relation: any = person && between.get(caller ?? '', person.id);
    if (caller === undefined || !person || relation.blocked !== 0) {
      response.writeHead(404).end('{}');
      return;
    }
    const row: any = read.get(person.id);
    const record: any = JSON.parse(row.record);
    const [text, emoji] = record[2] ?? [null, null];
    const body = JSON.stringify({
      user_id: id,
      status: Date.now() - record[1][2] < 1_800_000 ? record[1][0] : 'offline',
      custom_status: text,
      custom_emoji: emoji,
      last_seen: Math.floor(record[3] / 1000),
    });
    response
      .writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })
      .end(body);
  });
}

const held: ServerResponse[] = [];

/** Holds every request until `release`, as a long poll is held. */
async function hold({ headers }: Constant): Promise<number> {
  return listen((_request: IncomingMessage, response) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    held.push(response);
  });
}

function release({ body }: { body: string }): void {
  for (const response of held.splice(0)) {
    response.setHeader('content-length', Buffer.byteLength(body));
    response.end(body);
  }
}

async function listen(listener: RequestListener): Promise<number> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, resolve));
  return (server.address() as AddressInfo).port;
}

serveCommands({ constant, bareFastify, lookUp, hold, release, held: () => held.length });
