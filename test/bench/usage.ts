import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const LOOK_EVERY = 100;
/** A process that uses less between two looks is at rest, µs. */
const AT_REST = 5_000;

/** Resident memory of a process, bytes. */
export function memoryOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

/** Processor time that the threads of these processes have used so far, µs: what other processes take is no part of it. */
export function processorOf(...pids: readonly number[]): number {
  const threads = pids.flatMap((pid) =>
    readdirSync(`/proc/${pid}/task`).map((id) => `/proc/${pid}/task/${id}`),
  );
  const spent = threads.map((thread) => Number(readFileSync(`${thread}/schedstat`, 'utf8').split(' ', 1)[0]));
  return spent.reduce((sum, ns) => sum + ns, 0) / 1000;
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
