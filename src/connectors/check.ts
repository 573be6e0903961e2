/** `skipped`: it could not be looked at, and that is told by another check or by what is not there. */
export type Verdict = 'ok' | 'warn' | 'fail' | 'skipped';

export interface Finding {
  readonly verdict: Verdict;
  /** What was found, in a sentence. */
  readonly found: string;
  /** What to do; null where nothing is. */
  readonly advice: string | null;
}

/** One thing that can be wrong with a setup. */
export interface Check {
  readonly name: string;
  /** Checks that come before it and without whose success it means nothing. */
  readonly needs: readonly string[];
  /** Must not throw for what it is there to find. */
  readonly run: () => Promise<Finding>;
}

/** A bridge that runs with the same settings, as whoever looks from outside can see it. */
export interface RunningBridge {
  /** The status of the answer to a POST of that path with the token; null when there was none. */
  post(path: string, token: string): Promise<number | null>;
  /** How it finds its connection to the server of that name; null where it does not tell. */
  server(name: string): Promise<{ readonly state: string; readonly warnings: readonly string[] } | null>;
}

export type NamedFinding = Finding & { readonly check: string };

export const ok = (found: string): Finding => ({ verdict: 'ok', found, advice: null });
export const warn = (found: string, advice: string): Finding => ({ verdict: 'warn', found, advice });
export const fail = (found: string, advice: string): Finding => ({ verdict: 'fail', found, advice });
export const skipped = (found: string, advice: string | null = null): Finding => {
  return { verdict: 'skipped', found, advice };
};

/** Runs the checks in their order; what needs one that went wrong is skipped, so that one fault is told once. */
export async function* runChecks(checks: readonly Check[]): AsyncGenerator<NamedFinding> {
  const good = new Set<string>();
  for (const { name, needs, run } of checks) {
    const missing = needs.find((need) => !good.has(need));
    const finding = missing === undefined ? await run() : skipped(`not looked at, for want of ${missing}`);
    if (finding.verdict === 'ok' || finding.verdict === 'warn') good.add(name);
    yield { check: name, ...finding };
  }
}
