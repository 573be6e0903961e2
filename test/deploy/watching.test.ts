import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import type { AlertFault } from './alert-faults.ts';
import { ALERT_FAULTS } from './alert-faults.ts';
import type { ExportedMetrics } from './exported.ts';
import { exportedMetrics } from './exported.ts';
import { deployFile, readDeployFile } from './files.ts';
import { readmeBlocks } from '../e2e/readme-text.ts';
import { groups, mentions } from './promql.ts';
import { withProgram } from './with-program.ts';

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

interface Panel {
  readonly title: string;
  readonly type: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets: readonly { readonly expr: string; readonly legendFormat: string }[];
}

interface Dashboard {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly query: string }[] };
}

const rules = (parse(readDeployFile('alerts.yaml')) as { groups: { rules: Rule[] }[] }).groups.flatMap(
  (group) => group.rules,
);
const dashboard = JSON.parse(readDeployFile('grafana.json')) as Dashboard;
/** What Prometheus adds to everything that it scrapes. */
const OF_SCRAPES = ['job', 'instance'];

const expressions = [
  ...rules.map(({ alert, expr }) => [`alert ${alert}`, expr] as const),
  ...dashboard.panels.flatMap(({ title, targets }) =>
    targets.map(({ expr }) => [`panel ${title}`, expr] as const),
  ),
  ...dashboard.templating.list
    .filter(({ query }) => query.startsWith('label_values'))
    .map(({ name, query }) => [`variable ${name}`, query] as const),
];

let exported: ExportedMetrics;
beforeAll(async () => {
  exported = await exportedMetrics();
});

describe('what is watched', () => {
  it.each(expressions)('%s names metrics and labels that there are: %s', (_of, expr) => {
    const named = mentions(expr).filter(({ name }) => name !== 'up');
    expect(mentions(expr).length).toBeGreaterThan(0);
    const allowed = new Set(OF_SCRAPES);
    for (const { name, labels } of named) {
      const metric = exported.all.get(name);
      expect(metric, name).toBeDefined();
      for (const label of labels) expect([...(metric?.labels ?? []), ...OF_SCRAPES]).toContain(label);
      for (const label of metric?.labels ?? []) allowed.add(label);
    }
    for (const label of groups(expr)) expect([...allowed]).toContain(label);
  });

  it('is all that the bridge tells of itself', () => {
    const shown = new Set(expressions.flatMap(([, expr]) => mentions(expr).map(({ name }) => name)));
    const base = (name: string) => name.replace(/_(?:bucket|sum|count)$/, '');
    const shownBases = new Set([...shown].map(base));
    expect([...exported.own.keys()].map(base).filter((name) => !shownBases.has(name))).toEqual([]);
  });

  it('has names in base units, and no label for a person', () => {
    for (const [name, { labels, help }] of exported.own) {
      expect(name).not.toMatch(/_(?:ms|millis|milliseconds|minutes|kb|mb|percent)(?:_|$)/);
      expect(labels.filter((label) => /person|user|account|^id$|token|address/.test(label))).toEqual([]);
      expect(help).toMatch(/^[A-Z].{15,}[^.]$/);
    }
  });
});

describe('grafana.json', () => {
  it('has panels that do not lie over each other', () => {
    const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, at) => `${x + (at % w)} ${y + Math.floor(at / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    expect(dashboard.panels.length).toBeGreaterThan(15);
    for (const { gridPos } of dashboard.panels) expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
  });

  it('names in its legends only what a target keeps', () => {
    for (const { targets } of dashboard.panels) {
      for (const { expr, legendFormat } of targets) {
        const named = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label);
        for (const label of named) expect(groups(expr)).toContain(label);
      }
    }
  });
});

describe('alerts.yaml', () => {
  it.each(rules.map((rule) => [rule.alert, rule] as const))(
    '%s waits, and says what is and what to do',
    (_name, rule) => {
      expect(rule.for).toMatch(/^\d+m$/);
      expect(['critical', 'warning']).toContain(rule.labels['severity']);
      expect(Object.keys(rule.annotations)).toEqual(['summary', 'runbook']);
      expect(rule.annotations['runbook']).toMatch(/^.{40,}\.$/);
      const kept = [...groups(rule.expr), ...OF_SCRAPES];
      const named = [...(rule.annotations['summary'] ?? '').matchAll(/\$labels\.(\w+)/g)].map(
        ([, label]) => label,
      );
      for (const label of named) expect(kept).toContain(label);
    },
  );

  it('has a fault for each alert', () => {
    expect(ALERT_FAULTS.map(({ alert }) => alert)).toEqual(rules.map(({ alert }) => alert));
  });
});

withProgram('promtool', '--version', () => {
  const run = promisify(execFile);
  const folder = mkdtempSync(join(tmpdir(), 'plexibridge-alerts-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it('takes the rules', async () => {
    const { stdout } = await run('promtool', ['check', 'rules', '--lint-fatal', deployFile('alerts.yaml')]);
    expect(stdout).toContain(`${rules.length} rules found`);
  });

  it('takes the configuration of the README', async () => {
    const text = readmeBlocks().find((block) => block.text.startsWith('# prometheus.yml'))?.text ?? '';
    const file = join(folder, 'prometheus.yml');
    writeFileSync(file, text.replace('alerts.yaml', deployFile('alerts.yaml')));
    const { stdout } = await run('promtool', ['check', 'config', '--syntax-only', file]);
    expect(stdout).toContain('is valid prometheus config file syntax');
    // Every expression is of this job.
    expect(text).toContain('job_name: plexibridge');
  });

  it.each(ALERT_FAULTS.map((fault) => [fault.alert, fault] as const))(
    '%s fires on its fault, not before its time, and not without it',
    async (alert, fault) => {
      const file = join(folder, `${alert}.yaml`);
      writeFileSync(file, stringify(testOf(fault)));
      await run('promtool', ['test', 'rules', file]);
    },
  );
});

/** A test for promtool: the fault and its absence, each a world of its own. */
function testOf({ alert, faulty, healthy, notYet, firing }: AlertFault) {
  const firingAt = (time: string, count: number) => ({
    expr: `count(ALERTS{alertname="${alert}", alertstate="firing"}) or vector(0)`,
    eval_time: time,
    exp_samples: [{ labels: '{}', value: count }],
  });
  const world = (series: AlertFault['faulty'], checks: readonly object[]) => ({
    interval: '15s',
    input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
    promql_expr_test: checks,
  });
  return {
    rule_files: [deployFile('alerts.yaml')],
    evaluation_interval: '15s',
    tests: [
      world(faulty, [firingAt(notYet, 0), firingAt(firing, 1)]),
      world(healthy, [firingAt(notYet, 0), firingAt(firing, 0), firingAt('30m', 0)]),
    ],
  };
}
