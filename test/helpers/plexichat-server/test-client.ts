import { WebSocket } from 'ws';

export interface Frame {
  readonly op: number;
  readonly t?: string;
  readonly s?: number;
  readonly d?: any;
  /** As it came. */
  readonly text: string;
}

/** A client of the gateway that keeps everything it hears; only for the tests of the peer itself. */
export class TestClient implements Disposable {
  readonly ws: WebSocket;
  readonly frames: Frame[] = [];
  /** Binary messages, in order. */
  readonly pieces: Buffer[] = [];
  /** The code and reason that the socket was closed with. */
  closed: { readonly code: number; readonly reason: string } | null = null;
  readonly #looks = new Set<() => void>();

  constructor(url: string, path = '/gateway') {
    this.ws = new WebSocket(`${url.replace('http', 'ws')}${path}`);
    this.ws.on('message', (data: Buffer, isBinary) => {
      if (isBinary) this.pieces.push(data);
      else this.frames.push({ ...JSON.parse(data.toString()), text: data.toString() });
      this.#look();
    });
    this.ws.on('error', () => undefined);
    this.ws.on('close', (code, reason) => {
      this.closed = { code, reason: reason.toString() };
      this.#look();
    });
  }

  say(frame: unknown): void {
    this.ws.send(typeof frame === 'string' ? frame : JSON.stringify(frame));
  }

  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (condition()) resolve();
      };
      this.#looks.add(look);
      look();
    });
  }

  async ended(): Promise<number> {
    await this.until(() => this.closed !== null);
    return this.closed!.code;
  }

  /** Resolves once all that the server has sent so far is here. */
  async caughtUp(): Promise<void> {
    const acks = this.count(11);
    this.say({ op: 1, d: null });
    await this.until(() => this.count(11) > acks);
  }

  count(op: number): number {
    return this.frames.filter((frame) => frame.op === op).length;
  }

  events(type: string): Frame[] {
    return this.frames.filter(({ t }) => t === type);
  }

  /** The presences told since the start, as `d`. */
  presences(): any[] {
    return this.events('PRESENCE_UPDATE').map(({ d }) => d);
  }

  [Symbol.dispose](): void {
    this.ws.terminate();
  }

  #look(): void {
    for (const look of this.#looks) look();
  }
}

export async function hello(url: string): Promise<TestClient> {
  const client = new TestClient(url);
  await client.until(() => client.count(10) === 1);
  return client;
}

/** Connected and READY. */
export async function identified(url: string, token: string, d: object = {}): Promise<TestClient> {
  const client = await hello(url);
  client.say({ op: 2, d: { token, intents: 256, ...d } });
  await client.until(() => client.events('READY').length === 1);
  return client;
}

export interface TestReply {
  readonly status: number;
  readonly headers: Headers;
  readonly body: any;
}

export async function call(
  url: string,
  method: string,
  path: string,
  token: string | null,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<TestReply> {
  const reply = await fetch(`${url}/api/v1${path}`, {
    method,
    redirect: 'manual',
    headers: {
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await reply.text();
  const isJson = reply.headers.get('content-type') === 'application/json' && text !== '';
  return { status: reply.status, headers: reply.headers, body: isJson ? JSON.parse(text) : text };
}
