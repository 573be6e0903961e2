import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import { showProgress } from '../../src/cli/progress.ts';

/** A stream that notes what is written to it, on a terminal or not. */
function streamOf(isTTY: boolean) {
  const written: string[] = [];
  const stream = Object.assign(new PassThrough(), { isTTY, columns: 80, rows: 24 });
  stream.on('data', (chunk: Buffer) => written.push(chunk.toString()));
  return { stream: stream as unknown as NodeJS.WriteStream, text: () => written.join('') };
}

function run(isTTY: boolean): string {
  const { stream, text } = streamOf(isTTY);
  const progress = showProgress(stream);
  progress.end();
  progress.begin('copying', 10, 4);
  progress.advance(6);
  progress.begin('verifying', 20);
  progress.advance(5);
  progress.end();
  return text();
}

it('shows on a terminal what is done, and how much of it', () => {
  const text = run(true);
  expect(text).toMatch(/copying .* 40% \| 4\/10/);
  expect(text).toMatch(/copying .* 100% \| 10\/10/);
  expect(text).toMatch(/verifying .* 25% \| 5\/20/);
});

it('shows nothing anywhere else', () => {
  expect(run(false)).toBe('');
});
