import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** USER_HZ, which is 100 on every Linux that Node runs on. */
const MS_PER_TICK = 10;
const LOOK_EVERY = 200;
/** A process that uses less between two looks is at rest, ms. */
const AT_REST = 20;

/** Resident memory of a process, bytes. */
export function memoryOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

/** Processor time that a process has used so far, ms, in steps of 10. */
export function processorOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name of the program comes second and may hold spaces; utime and stime are fields 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK;
}

/** Resolves once the process has nothing more to do. */
export async function atRest(pid: number): Promise<void> {
  let used = processorOf(pid);
  for (;;) {
    await sleep(LOOK_EVERY);
    const now = processorOf(pid);
    if (now - used < AT_REST) return;
    used = now;
  }
}

/** How many files this process, and those it starts, may have open: Node has raised its limit to the hard one. */
export function openFilesLimit(): number {
  const limits = readFileSync('/proc/self/limits', 'utf8');
  const limit = /^Max open files\s+(\d+|unlimited)/m.exec(limits)?.[1];
  return limit === 'unlimited' ? Infinity : Number(limit);
}
