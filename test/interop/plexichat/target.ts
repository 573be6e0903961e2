/** A Plexichat server that runs, and two accounts of it that are friends or share a server. */
export interface Target {
  /** Without `/api/v1`. */
  readonly url: string;
  /** Of who looks on; the bridge uses it, too, unless it has an account of its own. */
  readonly tokenA: string;
  /** Of who is moved about. */
  readonly tokenB: string;
  /** Of an account that sees both, for the bridge. */
  readonly bridgeToken?: string | undefined;
  /** `X-API-Access-Token`, where the server demands one. */
  readonly accessToken?: string | undefined;
  /** `X-RateLimit-Bypass`, where the server is ours. */
  readonly rateLimitBypass?: string | undefined;
}

const TOKENS = ['PLEXICHAT_TOKEN_A', 'PLEXICHAT_TOKEN_B'] as const;

/** What the environment says of the server at `url`. Throws an error that names what is missing. */
export function targetOf(url: string, env: Readonly<Record<string, string | undefined>>): Target {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new Error(`--plexichat must be the URL of a server, such as http://127.0.0.1:8000, and is ${url}`);
  }
  const [tokenA, tokenB] = TOKENS.map((name) => env[name]);
  if (!tokenA || !tokenB) {
    const missing = TOKENS.filter((name) => !env[name]).join(' and ');
    throw new Error(
      `${missing} must hold a token: two accounts of ${url} are needed that are friends or share a server.`,
    );
  }
  return {
    url: url.replace(/\/+$/, ''),
    tokenA,
    tokenB,
    bridgeToken: env['PLEXICHAT_TOKEN_BRIDGE'] || undefined,
    accessToken: env['PLEXICHAT_ACCESS_TOKEN'] || undefined,
    rateLimitBypass: env['PLEXICHAT_RATE_LIMIT_BYPASS'] || undefined,
  };
}
