import type { Settings } from '../app.ts';

/** Where whoever is on the same machine reaches a bridge of these settings. */
export function urlOf({ host, port }: Settings['listen']): string {
  const loopback: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };
  const address = loopback[host] ?? host;
  return `http://${address.includes(':') ? `[${address}]` : address}:${port}`;
}
