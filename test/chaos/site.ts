import type { TestServer } from '../stores/postgres/cluster.ts';
import { startServer, until } from '../stores/postgres/cluster.ts';
import { Wire } from '../stores/postgres/wire.ts';

/** How a commit is held until it is on the standby, too; `off`: it is acknowledged before it is anywhere. */
export type Durability = 'remote_apply' | 'off';

const SETTINGS = { wal_retrieve_retry_interval: '100ms', wal_receiver_status_interval: '1s' };

/** A primary with a standby, and a wire that leads to whichever of them is the primary. */
export class Site implements AsyncDisposable {
  readonly #servers: TestServer[];
  readonly #wire: Wire;
  readonly #durability: Durability;
  #standby: TestServer | null = null;

  private constructor(primary: TestServer, wire: Wire, durability: Durability) {
    this.#servers = [primary];
    this.#wire = wire;
    this.#durability = durability;
  }

  /** Gone with whoever disposes of it; the wire with the test. */
  static async start(durability: Durability): Promise<Site> {
    const primary = await startServer({ ...SETTINGS, synchronous_commit: durability });
    return new Site(primary, await Wire.to(primary.port), durability);
  }

  get primary(): TestServer {
    const newest = this.#servers.at(-1);
    if (!newest) throw new Error('there is no server any more');
    return newest;
  }

  /** The same whichever server is the primary. */
  get url(): string {
    return this.#wire.through(this.primary.url());
  }

  /** Gives the primary a standby. */
  async guard(): Promise<TestServer> {
    this.#standby = await this.primary.replica();
    if (this.#durability !== 'off') {
      await this.primary.query(`ALTER SYSTEM SET synchronous_standby_names = '*'`);
      await this.primary.query('SELECT pg_reload_conf()');
    }
    await this.#streams();
    return this.#standby;
  }

  /** All processes of the primary die at once; then it recovers. */
  async crash(): Promise<void> {
    await this.primary.kill();
    await this.primary.start();
    await this.#streams();
  }

  async restart(): Promise<void> {
    await this.primary.stop();
    await this.primary.start();
    await this.#streams();
  }

  /** The primary dies for good, and its standby takes over. It gets another one by `guard`. */
  async failOver(): Promise<void> {
    const standby = this.#standby;
    if (!standby) throw new Error('there is no standby');
    this.#wire.break();
    await this.primary.kill();
    await standby.promote();
    this.#servers.push(standby);
    this.#standby = null;
    this.#wire.turnTo(standby.port);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const all = this.#standby ? [...this.#servers, this.#standby] : this.#servers;
    await Promise.all(all.map((server) => server[Symbol.asyncDispose]()));
  }

  /** What a reader has seen at the primary must be on the standby before that may take over. */
  async #streams(): Promise<void> {
    if (!this.#standby) return;
    const state = this.#durability === 'off' ? 'async' : 'sync';
    await until(async () => {
      const rows = await this.primary.query('SELECT state, sync_state FROM pg_stat_replication');
      return rows[0]?.state === 'streaming' && rows[0].sync_state === state;
    });
  }
}
