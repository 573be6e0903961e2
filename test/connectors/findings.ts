import type { Check, NamedFinding } from '../../src/connectors/check.ts';
import { runChecks } from '../../src/connectors/check.ts';

export async function findingsOf(checks: readonly Check[]): Promise<NamedFinding[]> {
  const findings: NamedFinding[] = [];
  for await (const finding of runChecks(checks)) findings.push(finding);
  return findings;
}

/** What is wrong, as `verdict check: found → advice`. */
export async function faultsOf(checks: readonly Check[]): Promise<string[]> {
  const findings = await findingsOf(checks);
  return findings
    .filter(({ verdict }) => verdict === 'warn' || verdict === 'fail')
    .map(({ verdict, check, found, advice }) => `${verdict} ${check}: ${found} → ${advice}`);
}
