import fc from 'fast-check';

/** `FUZZ_SEED` repeats a run. */
export const SEED = Number(process.env['FUZZ_SEED'] ?? Date.now() % 1_000_000);

/** Holds the property to so many runs; what fails is told by what went wrong and how to see it again, not by megabytes of input. */
export async function assertBriefly<T>(
  property: fc.IAsyncPropertyWithHooks<T>,
  numRuns: number,
): Promise<void> {
  const details = await fc.check(property, { numRuns, seed: SEED, endOnFailure: true });
  if (!details.failed) return;
  const cause = details.errorInstance;
  const reason = cause instanceof Error ? cause.message : String(cause);
  throw new Error(`run ${details.numRuns} of FUZZ_SEED=${SEED}: ${reason.slice(0, 1000)}`, { cause });
}
