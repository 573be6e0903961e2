import type { IncomingMessage } from 'node:http';
import { get } from 'node:http';
import { once } from 'node:events';

/** A listener of server-sent events. */
export class EventStream {
  readonly status: number;
  /** All that has come, as it came. */
  text = '';
  ended = false;
  readonly #reply: IncomingMessage;

  private constructor(reply: IncomingMessage) {
    this.#reply = reply;
    this.status = reply.statusCode!;
    reply.setEncoding('utf8');
    reply.on('data', (part: string) => (this.text += part));
    reply.on('error', () => undefined);
    reply.on('close', () => (this.ended = true));
  }

  static async open(url: string, headers: Record<string, string>): Promise<EventStream> {
    const request = get(url, { headers, agent: false });
    const [reply] = (await once(request, 'response')) as [IncomingMessage];
    return new EventStream(reply);
  }

  /** The data of all events of that name. */
  told(name: string): any[] {
    const found = this.text.matchAll(new RegExp(`^event: ${name}\\ndata: (.*)\\n`, 'gm'));
    return [...found].map(([, data]) => JSON.parse(data!));
  }

  /** Resolves once it holds, which it must within a few seconds. */
  async until(holds: (stream: this) => boolean): Promise<void> {
    const deadline = Date.now() + 5000;
    while (!holds(this)) {
      if (Date.now() > deadline) throw new Error(`waited in vain; so far:\n${this.text}`);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** The port that it came from, and how much has come in all, head included; bytes. */
  get line(): { readonly port: number; readonly bytes: number } {
    const { localPort = 0, bytesRead } = this.#reply.socket;
    return { port: localPort, bytes: bytesRead };
  }

  close(): void {
    this.#reply.destroy();
  }
}
