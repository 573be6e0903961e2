import { z } from 'zod';

/** The form of an error of each API, as its clients know it; nothing more may be said. */
export const ERROR_FORMS = {
  plexichat: z.union([
    z.strictObject({ error: z.strictObject({ code: z.int(), message: z.string().min(1) }) }),
    z.strictObject({
      message: z.string().min(1),
      retry_after: z.number().positive(),
      global: z.boolean(),
      scope: z.string(),
    }),
  ]),
  matrix: z.strictObject({
    errcode: z.string().regex(/^[A-Z]+(_[A-Z]+)+$/),
    error: z.string().min(1),
    soft_logout: z.boolean().optional(),
    retry_after_ms: z.int().positive().optional(),
  }),
  bridge: z.strictObject({
    error: z.strictObject({ code: z.string().regex(/^[a-z_]+$/), message: z.string().min(1) }),
  }),
} as const;

export type Api = keyof typeof ERROR_FORMS;

/** Whose form an answer at this URL must have. */
export function apiOf(url: string): Api {
  const [path = ''] = url.split('?', 1);
  if (path.startsWith('/_matrix') || /^\/(users|rooms|transactions)\//.test(path)) return 'matrix';
  return path.startsWith('/api') || path === '/health' ? 'plexichat' : 'bridge';
}

/** What is wrong with the body of an error; null when it is as its clients know it. */
export function misshapen(api: Api, status: number, text: string): string | null {
  const said = `${status} ${text.slice(0, 500)}`;
  const body = parse(text);
  if (!ERROR_FORMS[api].safeParse(body).success) return `no error of ${api}: ${said}`;
  const code =
    api === 'plexichat' ? z.object({ error: z.object({ code: z.int() }) }).safeParse(body).data : null;
  return code && code.error.code !== status ? `another code than its status: ${said}` : null;
}

/** Whether it is an error of any of them, for what never had a path. */
export function isSomeError(text: string): boolean {
  return Object.values(ERROR_FORMS).some((form) => form.safeParse(parse(text)).success);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
