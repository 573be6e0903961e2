import { readFileSync } from 'node:fs';

/** Memory that a process holds now, or held at most so far, bytes. */
export function memoryOf(pid: number | undefined, which: 'now' | 'peak' = 'now'): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kib = new RegExp(`${which === 'now' ? 'VmRSS' : 'VmHWM'}:\\s+(\\d+)`).exec(status)?.[1];
  return Number(kib) * 1024;
}
