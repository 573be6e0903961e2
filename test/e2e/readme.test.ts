import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { StartedAsWritten } from './readme-start.ts';
import { startAsWritten } from './readme-start.ts';
import { readmeBlocks } from './readme-text.ts';

/** Blocks that are not run here, by how they begin, and why. */
const ELSEWHERE: readonly (readonly [string, string])[] = [
  ['pg_dump ', 'needs a database: backup-guide.test.ts runs it'],
  ['# all nodes stopped\npg_restore ', 'needs a database: backup-guide.test.ts runs it'],
  ['npx plexibridge migrate ', 'needs a database: migrate.test.ts runs it'],
  ['PLEXICHAT_TOKEN_A=… ', 'needs a real Plexichat server'],
  ['Alone ', 'is a picture'],
];

const blocks = readmeBlocks();
const isElsewhere = (text: string) => ELSEWHERE.some(([begin]) => text.startsWith(begin));
const walk = blocks.filter(({ info, text }) => info === 'bash' && !isElsewhere(text));

let folder: string;
let bridge: StartedAsWritten;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'plexibridge-readme-'));
  const [line = ''] = (blocks[0]?.text ?? '').split('\n');
  bridge = await startAsWritten(line, folder);
}, 300_000);

afterAll(async () => {
  await bridge[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

function printed(pattern: RegExp): string {
  const found = pattern.exec(`${bridge.output.join('\n')}\n`);
  return found?.[1] ?? found?.[0] ?? '';
}

/** The README's `# {…}` lines as patterns: `…` stands for anything. */
function answersIn(block: string): RegExp[] {
  return [...block.matchAll(/^# (\{.*\})$/gm)].map(([, answer = '']) => {
    const parts = answer.split('…').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
    return new RegExp(parts.join('[^,}]*'));
  });
}

it('begins with two commands, of which the first has started what is walked through', () => {
  // The second one is run by .ci/run, in a clean checkout.
  expect(blocks[0]).toEqual({ info: 'sh', text: 'npm install && npm start\nnpm install && npm test\n' });
  expect(bridge.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
});

it('has a walk to test, and leaves out only what cannot run here', () => {
  expect(walk.length).toBeGreaterThanOrEqual(8);
  expect(walk.flatMap(({ text }) => answersIn(text)).length).toBeGreaterThanOrEqual(3);
  const other = blocks.filter((block) => !walk.includes(block) && block.info !== 'yaml').slice(1);
  expect(other.map(({ text }) => ELSEWHERE.find(([begin]) => text.startsWith(begin))?.[0])).toEqual(
    expect.arrayContaining(ELSEWHERE.map(([begin]) => begin)),
  );
  expect(other.filter(({ text }) => !isElsewhere(text))).toEqual([]);
});

it.each(walk.map((block) => [block.text.split('\n')[0], block] as const))('%s', async (_line, block) => {
  // Settings that the text has shown by now are in the file that it names.
  const shown = blocks.slice(0, blocks.indexOf(block)).findLast(({ info }) => info === 'yaml');
  if (shown) writeFileSync(join(folder, 'bridge.yaml'), shown.text);
  const script = block.text
    .replaceAll('http://127.0.0.1:8790', bridge.url)
    .replaceAll('curl ', 'curl -sS --fail ');
  const { stdout } = await promisify(execFile)('bash', ['-eu', '-c', script], {
    cwd: folder,
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      PLEXICHAT_TOKEN: printed(/Bearer (175928847299117063\.[\w-]+)/),
      MATRIX_TOKEN: printed(/@alice\S*access_token=([\w-]+)/),
      OPERATOR_TOKEN: printed(/(pxo_[\w-]+)/),
    },
  });
  for (const answer of answersIn(block.text)) expect(stdout).toMatch(answer);
});
