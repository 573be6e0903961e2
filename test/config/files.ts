import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { z } from 'zod';
import type { ConfigSources } from '../../src/config/load.ts';
import { ConfigError, loadConfig } from '../../src/config/load.ts';
import { bridgeSchema } from '../../src/config/schema.ts';

const folder = mkdtempSync(join(tmpdir(), 'plexibridge-config-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A file of this name in a folder that goes away after the tests. */
export function pathOf(name: string): string {
  return join(folder, name);
}

export function fileOf(name: string, content: string): string {
  writeFileSync(pathOf(name), content);
  return pathOf(name);
}

/** The bridge's settings with a network that has what no neutral section has. */
export const schema = bridgeSchema({
  carrier: z.strictObject({
    ports: z.array(z.int()).default([]).describe('Numbers'),
    key_file: z.string().optional().describe('A key whose own name ends in _file'),
    names: z.record(z.string(), z.string()).default({}).describe('A map'),
    nick: z.string().default('').describe('A text'),
  }),
});

export function load(yaml: string | null, env: NodeJS.ProcessEnv = {}) {
  return loadConfig(schema, sources(yaml, env));
}

/** What is wrong with them, a line each, the folder cut away. */
export function problemsOf(yaml: string | null, env: NodeJS.ProcessEnv = {}): string[] {
  try {
    load(yaml, env);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.message.split('\n').map((line) => line.replaceAll(`${folder}/`, ''));
  }
}

function sources(yaml: string | null, env: NodeJS.ProcessEnv): ConfigSources {
  return yaml === null ? { env } : { file: fileOf('bridge.yaml', yaml), env };
}
