import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BrowserContext, Page } from 'playwright-core';
import { chromium } from 'playwright-core';

const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';

/** Asks nothing of anybody by itself. */
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

/** Whether there is a browser; where `BROWSER_TESTS=required` says that there must be, its absence is an error. */
export function hasBrowser(): boolean {
  if (existsSync(CHROMIUM)) return true;
  const problem = `no browser at ${CHROMIUM}: the pages are not tested`;
  if (process.env['BROWSER_TESTS'] === 'required') throw new Error(problem);
  process.stderr.write(`\n!! SKIPPED: ${problem}\n\n`);
  return false;
}

/** A browser of its own, with an empty profile; it writes down what it asked for and what went wrong in its pages. */
export class Browser {
  readonly context: BrowserContext;
  /** Of every request, in order. */
  readonly asked: string[] = [];
  /** Errors and complaints of the pages, violations of their policy included. */
  readonly complaints: string[] = [];
  readonly #profile: string;

  private constructor(context: BrowserContext, profile: string) {
    this.context = context;
    this.#profile = profile;
    context.on('request', (request) => this.asked.push(request.url()));
    context.on('page', (page) => this.#listen(page));
    for (const page of context.pages()) this.#listen(page);
  }

  static async start(colorScheme: 'light' | 'dark' = 'light'): Promise<Browser> {
    const profile = mkdtempSync(join(tmpdir(), 'plexibridge-browser-'));
    const context = await chromium.launchPersistentContext(profile, {
      executablePath: CHROMIUM,
      args: FLAGS,
      colorScheme,
      viewport: { width: 1200, height: 900 },
    });
    context.setDefaultTimeout(15_000);
    return new Browser(context, profile);
  }

  /** A page at the URL. */
  async open(url: string): Promise<Page> {
    const page = await this.context.newPage();
    await page.goto(url);
    return page;
  }

  async close(): Promise<void> {
    await this.context.close();
    rmSync(this.#profile, { recursive: true, force: true });
  }

  #listen(page: Page): void {
    page.on('pageerror', (error) => this.complaints.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') this.complaints.push(message.text());
    });
  }
}

/** What axe-core finds serious or critical on the page as it is now, by rule and place. */
export async function seriousFindings(page: Page): Promise<string[]> {
  // By the debugger, so that the policy of the page need not allow it.
  const { readFileSync } = await import('node:fs');
  await page.evaluate(readFileSync(AXE, 'utf8'));
  return page.evaluate(async () => {
    const { axe } = globalThis as any;
    const { violations } = await axe.run();
    return violations
      .filter(({ impact }: any) => impact === 'serious' || impact === 'critical')
      .flatMap(({ id, nodes }: any) => nodes.map(({ html }: any) => `${id}: ${html}`));
  });
}
