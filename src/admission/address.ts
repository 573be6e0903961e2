import { isIPv4 } from 'node:net';

/** Parts of an IPv6 address, 16 bits each, that whoever has one cannot choose: her provider gives her a /64 at least. */
const ASSIGNED_PARTS = 4;

/**
 * What a client address is counted under: an IPv4 address as it is, also where it is written as IPv6, and of an IPv6 address
 * its /64, whose addresses are all the same client's to use.
 */
export function networkOf(ip: string): string {
  const [address = ''] = ip.split('%', 1);
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (isIPv4(address) || !address.includes(':')) return ip;
  const [before = '', after] = address.split('::');
  const [head, tail] = [partsOf(before), partsOf(after ?? '')];
  const gap = after === undefined ? 0 : Math.max(0, 8 - head.length - tail.length);
  const parts = [...head, ...Array.from({ length: gap }, () => '0'), ...tail];
  const assigned = parts.slice(0, ASSIGNED_PARTS).map((part) => Number.parseInt(part, 16).toString(16));
  return `${assigned.join(':')}::/64`;
}

function partsOf(text: string): string[] {
  return text === '' ? [] : text.split(':');
}
