import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RunningBridge } from '../helpers/process.ts';
import { runBridge } from '../helpers/process.ts';

const README = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');

/** The README's shell blocks that call the bridge, in order. */
const blocks = [...README.matchAll(/^```bash\n([\s\S]*?)^```$/gm)]
  .map(([, block = '']) => block)
  .filter((block) => block.includes('curl '));

let data: string;
let bridge: RunningBridge;

beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'plexibridge-readme-'));
  bridge = await runBridge(data, {
    PLEXIBRIDGE__SAMPLES: undefined,
    PLEXIBRIDGE__OPERATOR__TOKEN: undefined,
  });
});

afterAll(async () => {
  await bridge.end('SIGTERM');
  await rm(data, { recursive: true, force: true });
});

function printed(pattern: RegExp): string | undefined {
  const found = pattern.exec(`${bridge.output.join('\n')}\n`);
  return found?.[1] ?? found?.[0];
}

/** The README's `# {…}` lines as patterns: `…` stands for anything. */
function answersIn(block: string): RegExp[] {
  return [...block.matchAll(/^# (\{.*\})$/gm)].map(([, answer = '']) => {
    const parts = answer.split('…').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
    return new RegExp(parts.join('[^,}]*'));
  });
}

it('has a walk to test', () => {
  expect(blocks.length).toBeGreaterThanOrEqual(5);
  expect(blocks.flatMap(answersIn).length).toBeGreaterThanOrEqual(3);
});

it.each(blocks.map((block) => [block.split('\n')[0], block] as const))('%s', async (_line, block) => {
  const script = block
    .replaceAll('http://127.0.0.1:8790', bridge.url)
    .replaceAll('curl ', 'curl -sS --fail ');
  const { stdout } = await promisify(execFile)('bash', ['-eu', '-c', script], {
    env: {
      PATH: process.env['PATH'],
      PLEXICHAT_TOKEN: printed(/Bearer (175928847299117063\.[\w-]+)/),
      MATRIX_TOKEN: printed(/@alice\S*access_token=([\w-]+)/),
      OPERATOR_TOKEN: printed(/(pxo_[\w-]+)/),
    },
  });
  for (const answer of answersIn(block)) expect(stdout).toMatch(answer);
});
