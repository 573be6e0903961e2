import { randomBytes } from 'node:crypto';

/** What may differ between two runs of Synapse. */
export interface HomeserverSettings {
  readonly serverName: string;
  readonly port: number;
  /** Absolute folder of everything it keeps. */
  readonly dataDir: string;
  /** Absolute path of an Application Service registration. */
  readonly registration: string;
  /** Whether Matrix's busy (MSC3026) is on. */
  readonly busy: boolean;
  readonly sharedSecret: string;
}

const UNLIMITED = { per_second: 100_000, burst_count: 100_000 };

/** `homeserver.yaml` as an object: SQLite, one listener on loopback, no federation, no limits. */
export function homeserverConfig(settings: HomeserverSettings): Record<string, unknown> {
  const { dataDir } = settings;
  return {
    server_name: settings.serverName,
    public_baseurl: `http://127.0.0.1:${settings.port}/`,
    listeners: [
      {
        port: settings.port,
        bind_addresses: ['127.0.0.1'],
        type: 'http',
        tls: false,
        resources: [{ names: ['client'] }],
      },
    ],
    database: { name: 'sqlite3', args: { database: `${dataDir}/homeserver.db` } },
    pid_file: `${dataDir}/homeserver.pid`,
    media_store_path: `${dataDir}/media`,
    log_config: `${dataDir}/log.yaml`,
    signing_key_path: `${dataDir}/signing.key`,
    trusted_key_servers: [],
    suppress_key_server_warning: true,
    federation_domain_whitelist: [],
    report_stats: false,
    registration_shared_secret: settings.sharedSecret,
    macaroon_secret_key: settings.sharedSecret,
    form_secret: settings.sharedSecret,
    bcrypt_rounds: 4,
    presence: { enabled: true },
    app_service_config_files: [settings.registration],
    experimental_features: { msc3026_enabled: settings.busy },
    ...limits(),
  };
}

function limits(): Record<string, unknown> {
  return {
    rc_message: UNLIMITED,
    rc_registration: UNLIMITED,
    rc_login: { address: UNLIMITED, account: UNLIMITED, failed_attempts: UNLIMITED },
    rc_joins: { local: UNLIMITED, remote: UNLIMITED },
    rc_joins_per_room: UNLIMITED,
    rc_invites: { per_room: UNLIMITED, per_user: UNLIMITED, per_issuer: UNLIMITED },
    rc_presence: { per_user: UNLIMITED },
    rc_room_creation: UNLIMITED,
    rc_profile: UNLIMITED,
  };
}

/** `log.yaml` as an object: warnings, to standard error. */
export function logConfig(): Record<string, unknown> {
  return {
    version: 1,
    formatters: { line: { format: '%(levelname)s %(name)s %(message)s' } },
    handlers: { console: { class: 'logging.StreamHandler', formatter: 'line' } },
    root: { level: 'WARNING', handlers: ['console'] },
    disable_existing_loggers: false,
  };
}

/** A new Ed25519 key in the form that Synapse keeps it in: algorithm, version, unpadded base64 of the seed. */
export function signingKey(): string {
  return `ed25519 a_test ${randomBytes(32).toString('base64').replaceAll('=', '')}\n`;
}
