import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';

/** Whether a missing program is a failure. */
const REQUIRED = Boolean(process.env['CI']) || process.env['DEPLOY_TESTS'] === 'required';

/** Tests that need a program of the machine: failing without it in CI, skipped aloud elsewhere. */
export function withProgram(program: string, versionFlag: string, tests: () => void): void {
  const here = answers(program, versionFlag);
  if (!here && REQUIRED) {
    it(`${program} is on this machine`, () => expect.unreachable());
  }
  if (!here) process.stderr.write(`\n!! ${program}: skipped, because it is not on this machine\n\n`);
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
