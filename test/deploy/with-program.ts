import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';

/** Tests that need a program of the machine. With `DEPLOY_TESTS=required` its absence fails them, else they are skipped aloud. */
export function withProgram(program: string, versionFlag: string, tests: () => void): void {
  const here = answers(program, versionFlag);
  if (!here && process.env['DEPLOY_TESTS'] === 'required') {
    it(`${program} is on this machine`, () => expect.unreachable());
  }
  if (!here) process.stderr.write(`Skipped: ${program} is not on this machine, and its tests need it.\n`);
  describe.skipIf(!here)(program, here ? tests : () => it('is not on this machine', () => undefined));
}

function answers(program: string, argument: string): boolean {
  try {
    execFileSync(program, [argument], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
