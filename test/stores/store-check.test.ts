import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { checkFolder } from '../../src/stores/store-check.ts';
import { tempFolder } from './data-folder.ts';

test('a folder that takes files is good, and left as it was', () => {
  const folder = tempFolder();
  mkdirSync(folder, { recursive: true });
  expect(checkFolder(folder)).toBeNull();
  expect(readdirSync(folder)).toEqual([]);
});

test('so is one that can be made', () => {
  const folder = tempFolder();
  mkdirSync(folder, { recursive: true });
  expect(checkFolder(join(folder, 'data', 'deep'))).toBeNull();
  expect(readdirSync(folder)).toEqual([]);
});

test('what is no folder is not, and neither is one where nothing can be written', () => {
  const folder = tempFolder();
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'file');
  writeFileSync(file, '');
  expect(checkFolder(file)).toEqual({ code: 'ENOTDIR', folder: file });
  expect(checkFolder(join(file, 'data'))).toEqual({ code: 'ENOTDIR', folder: file });
  // No user writes there, root included.
  const problem = checkFolder('/proc/self');
  expect(problem).toEqual({ code: expect.stringMatching(/^E[A-Z]+$/), folder: '/proc/self' });
});
