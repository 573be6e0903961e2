import { readFileSync } from 'node:fs';
import type { ParsedNode } from 'yaml';
import { isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';

export interface YamlFile {
  /** Null when there are problems. */
  readonly value: unknown;
  readonly problems: readonly string[];
  /** `file:line:col` of the key or item at the path, or of the nearest one above it that is there. */
  readonly where: (path: readonly PropertyKey[]) => string;
}

/** Reads a file of settings. What is wrong with its text is told by position and kind, never by quoting: it may hold secrets. */
export function readYaml(file: string): YamlFile {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    return { value: null, problems: [`${file}: cannot be read (${String(error)})`], where: () => file };
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  const where: YamlFile['where'] = (path) => at(offsetOf(document.contents, path));
  const problems = [...document.errors, ...document.warnings].map(({ code, pos }) => {
    return `${at(pos[0])}: invalid YAML (${code.toLowerCase().replaceAll('_', ' ')})`;
  });
  if (problems.length > 0) return { value: null, problems, where };
  try {
    return { value: document.toJS() as unknown, problems, where };
  } catch {
    return { value: null, problems: [`${file}:1:1: invalid YAML (bad alias)`], where };
  }
}

function offsetOf(root: ParsedNode | null, path: readonly PropertyKey[]): number {
  let node = root;
  let offset = 0;
  for (const part of path) {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === part);
      offset = pair?.key.range[0] ?? offset;
      node = pair?.value ?? null;
    } else if (isSeq(node)) {
      node = node.items[Number(part)] ?? null;
      offset = node?.range[0] ?? offset;
    }
  }
  return offset;
}
