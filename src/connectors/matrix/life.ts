import type { PersonId } from '../../presence/identity.ts';
import type { People } from '../../presence/people.ts';
import type { Connector } from '../connector.ts';
import { audible } from './audible.ts';
import type { CatchUpOptions } from './catch-up.ts';
import { CatchUp } from './catch-up.ts';
import { MatrixConnector } from './connector.ts';
import type { MatrixConnectorOptions } from './options.ts';
import type { Reporting } from './reporting.ts';

export interface HomeserverLifeOptions
  extends MatrixConnectorOptions, Pick<CatchUpOptions, 'readsPerSecond'> {
  readonly reporting: Reporting;
  readonly page: People['page'];
  readonly metrics: MatrixConnectorOptions['metrics'] & CatchUpOptions['metrics'];
}

/** The connector, and what reads that which the homeserver could not tell. */
export class HomeserverLife implements Connector {
  readonly connector: MatrixConnector;
  readonly catchUp: CatchUp;

  constructor(options: HomeserverLifeOptions) {
    const { network, presence, people, page, reporting, settings } = options;
    const connector = new MatrixConnector(options);
    const { homeserver, room } = connector;
    const byId = (id: PersonId) => people.byId(id);
    this.connector = connector;
    this.catchUp = new CatchUp({
      ...options,
      homeserver,
      users: () => audible({ network, presence, people: { byId, page }, room, reporting }),
      onTrouble: () => connector.look(),
    });
    if (settings.receive) connector.onSide((up) => (up ? this.catchUp.begin() : this.catchUp.end()));
  }

  start(): void {
    this.connector.start();
  }

  health() {
    return this.connector.health();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.catchUp[Symbol.asyncDispose]();
    await this.connector[Symbol.asyncDispose]();
  }
}
