import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Pool } from 'undici';
import { stringify } from 'yaml';
import { freePort } from '../../helpers/free-port.ts';
import { homeserverConfig, logConfig, signingKey } from './homeserver-config.ts';
import { pythonOf, VENV } from './venv.ts';

const RUN = fileURLToPath(new URL('run.py', import.meta.url));
const SHARED_SECRET = 'registration-secret-for-tests';
const START_DEADLINE_MS = 150_000;
const STOP_DEADLINE_MS = 20_000;
const OUTPUT_LINES = 200;

export interface SynapseOptions {
  /** Path of an Application Service registration (YAML). */
  readonly registration: string;
  /** Folder of its data, made if need be; one that was used before is taken up again. */
  readonly dataDir: string;
  /** Whether Matrix's busy (MSC3026) is on; default false. */
  readonly busy?: boolean;
  /** Default `hs.test`. */
  readonly serverName?: string;
  /** On 127.0.0.1; default a free one. */
  readonly port?: number;
}

export interface Answer {
  readonly status: number;
  readonly body: any;
}

export interface Account {
  readonly userId: string;
  readonly token: string;
}

/** A real Synapse in a process of its own. */
export class Synapse implements AsyncDisposable {
  readonly url: string;
  readonly serverName: string;
  /** The last lines it printed, warnings and worse. */
  readonly output: string[] = [];
  readonly #configFile: string;
  #pool: Pool;
  #child: ChildProcess | undefined;

  constructor(url: string, serverName: string, configFile: string) {
    this.url = url;
    this.serverName = serverName;
    this.#configFile = configFile;
    this.#pool = this.#connect();
  }

  /** Resolves once it answers clients; the same port and data as before. Throws what it printed if it does not. */
  async start(): Promise<void> {
    if (this.#child !== undefined) throw new Error('Synapse is running already');
    const child = spawn(pythonOf(VENV), [RUN, '-c', this.#configFile], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    const kill = () => child.kill('SIGKILL');
    process.once('exit', kill);
    child.once('exit', () => process.off('exit', kill));
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        this.output.push(line);
        if (this.output.length > OUTPUT_LINES) this.output.shift();
      });
    }
    const deadline = Date.now() + START_DEADLINE_MS;
    while (!(await this.#answers())) {
      if (isRunning(child) && Date.now() < deadline) await sleep(50);
      else {
        await this.stop('SIGKILL');
        throw new Error(`Synapse did not start:\n${this.output.join('\n')}`);
      }
    }
  }

  /** Resolves once the process is gone; requests under way fail. Does nothing when it is stopped. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    this.#child = undefined;
    if (isRunning(child)) {
      const exited = once(child, 'exit');
      child.kill(signal);
      const late = setTimeout(() => child.kill('SIGKILL'), STOP_DEADLINE_MS);
      await exited;
      clearTimeout(late);
    }
    await this.#pool.destroy();
    this.#pool = this.#connect();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.#pool.destroy();
  }

  /** Makes an account by the shared-secret admin API. */
  async register(localpart: string, password: string): Promise<Account> {
    const path = '/_synapse/admin/v1/register';
    const { nonce } = (await this.call('GET', path, '')).body;
    const mac = createHmac('sha1', SHARED_SECRET)
      .update([nonce, localpart, password, 'notadmin'].join('\0'))
      .digest('hex');
    const body = { nonce, username: localpart, password, admin: false, mac };
    const made = await this.#ok('POST', path, '', body);
    return { userId: made.user_id, token: made.access_token };
  }

  /** `token` may be empty. Rejects only when no answer came. */
  async call(
    method: 'GET' | 'PUT' | 'POST' | 'DELETE',
    path: string,
    token: string,
    body?: unknown,
  ): Promise<Answer> {
    const reply = await this.#pool.request({
      method,
      path,
      headers: {
        ...(token === '' ? {} : { authorization: `Bearer ${token}` }),
        'content-type': 'application/json',
      },
      body: body === undefined ? null : JSON.stringify(body),
    });
    const text = await reply.body.text();
    return { status: reply.statusCode, body: text === '' ? null : JSON.parse(text) };
  }

  /** One poll, `timeout` in ms, by default without waiting. `setPresence` is what the client says of itself. */
  async sync(token: string, since?: string, timeout = 0, setPresence = 'offline'): Promise<any> {
    const query = new URLSearchParams({ timeout: `${timeout}`, set_presence: setPresence });
    if (since !== undefined) query.set('since', since);
    return this.#ok('GET', `/_matrix/client/v3/sync?${query.toString()}`, token);
  }

  /** Returns its room id. `alias` is a local part. */
  async createRoom(token: string, room: { alias?: string; public?: boolean } = {}): Promise<string> {
    const body = {
      ...(room.alias === undefined ? {} : { room_alias_name: room.alias }),
      preset: room.public === true ? 'public_chat' : 'private_chat',
      visibility: room.public === true ? 'public' : 'private',
    };
    return (await this.#ok('POST', '/_matrix/client/v3/createRoom', token, body)).room_id;
  }

  /** `room` is an id or an alias; `asUser` is whom an Application Service speaks for. */
  async join(token: string, room: string, asUser?: string): Promise<void> {
    const query = asUser === undefined ? '' : `?user_id=${encodeURIComponent(asUser)}`;
    await this.#ok('POST', `/_matrix/client/v3/join/${encodeURIComponent(room)}${query}`, token, {});
  }

  async #ok(method: 'GET' | 'POST', path: string, token: string, body?: unknown): Promise<any> {
    const answer = await this.call(method, path, token, body);
    if (answer.status === 200) return answer.body;
    throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  }

  #connect(): Pool {
    return new Pool(this.url, { connections: 64 });
  }

  async #answers(): Promise<boolean> {
    try {
      return (await this.call('GET', '/_matrix/client/versions', '')).status === 200;
    } catch {
      return false;
    }
  }
}

/** Starts a Synapse and resolves once it answers. The caller disposes of it; it also ends with this process. */
export async function startSynapse(options: SynapseOptions): Promise<Synapse> {
  if (!existsSync(pythonOf(VENV))) throw new Error('Synapse is not installed: npm run test:interop');
  const dataDir = resolve(options.dataDir);
  const port = options.port ?? (await freePort());
  const serverName = options.serverName ?? 'hs.test';
  const configFile = `${dataDir}/homeserver.yaml`;
  await mkdir(dataDir, { recursive: true });
  const config = homeserverConfig({
    serverName,
    port,
    dataDir,
    registration: resolve(options.registration),
    busy: options.busy ?? false,
    sharedSecret: SHARED_SECRET,
  });
  await writeFile(configFile, stringify(config, { aliasDuplicateObjects: false }));
  await writeFile(`${dataDir}/log.yaml`, stringify(logConfig()));
  const keyFile = `${dataDir}/signing.key`;
  if (!existsSync(keyFile)) await writeFile(keyFile, signingKey());
  const synapse = new Synapse(`http://127.0.0.1:${port}`, serverName, configFile);
  await synapse.start();
  return synapse;
}

function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}
