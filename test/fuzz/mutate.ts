import fc from 'fast-check';

/** A change of some bytes: at which share of the text, of how many, and to what. */
export interface Mutation {
  readonly kind: 'flip' | 'cut' | 'double' | 'insert' | 'splice';
  /** From 0 to 1. */
  readonly at: number;
  readonly length: number;
  readonly bytes: Uint8Array;
}

/** What means something to whoever reads requests and frames. */
const TOKENS = [
  ...[
    '\r\n',
    '\n',
    '\r\n\r\n',
    '\0',
    ':',
    ' ',
    '%00',
    '%2f',
    '..',
    ';',
    '?',
    '#',
    '{',
    '}',
    '[',
    '"',
    '\\u0000',
  ],
  ...[
    'Content-Length: 5\r\n',
    'Transfer-Encoding: chunked\r\n',
    'Authorization: Bearer x\r\n',
    'Expect: 100-continue\r\n',
  ],
  ...[
    'Connection: Upgrade\r\nUpgrade: websocket\r\n',
    'HTTP/2.0',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    '__proto__',
  ],
];

export const mutations: fc.Arbitrary<Mutation[]> = fc.array(
  fc.record({
    kind: fc.constantFrom<Mutation['kind']>('flip', 'cut', 'double', 'insert', 'splice'),
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    length: fc.nat({ max: 40 }),
    bytes: fc.oneof(
      fc.constantFrom(...TOKENS).map((text) => Buffer.from(text)),
      fc.uint8Array({ maxLength: 20 }),
    ),
  }),
  { minLength: 1, maxLength: 4 },
);

/** The text with the mutations made, one after the other. */
export function mutate(text: Buffer, all: readonly Mutation[]): Buffer {
  return all.reduce((bytes, mutation) => mutateOnce(bytes, mutation), text);
}

function mutateOnce(text: Buffer, { kind, at, length, bytes }: Mutation): Buffer {
  const start = Math.floor(at * text.length);
  const [before, part, after] = [
    text.subarray(0, start),
    text.subarray(start, start + length),
    text.subarray(start + length),
  ];
  if (kind === 'flip') return Buffer.concat([before, part.map((byte) => byte ^ (1 << (length % 8))), after]);
  if (kind === 'cut') return Buffer.concat([before, after]);
  if (kind === 'double') return Buffer.concat([before, part, part, after]);
  if (kind === 'insert') return Buffer.concat([before, bytes, part, after]);
  return Buffer.concat([before, bytes, after]);
}
