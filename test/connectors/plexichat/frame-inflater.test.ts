import { constants, createDeflate } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameInflater } from '../../../src/connectors/plexichat/frame-inflater.ts';

/** The frames as one continuing zlib stream, each flushed. */
async function deflated(texts: readonly string[]): Promise<Buffer[]> {
  const stream = createDeflate();
  const pieces: Buffer[] = [];
  stream.on('data', (piece: Buffer) => pieces.push(piece));
  const frames: Buffer[] = [];
  for (const text of texts) {
    stream.write(text);
    await new Promise<void>((resolve) => stream.flush(constants.Z_SYNC_FLUSH, resolve));
    frames.push(Buffer.concat(pieces.splice(0)));
  }
  return frames;
}

describe('a continuing zlib stream', () => {
  it('is inflated frame by frame, however far a frame refers back', async () => {
    const word = fc.constantFrom('{"op":0}', 'presence '.repeat(50), 'é🔥', 'x'.repeat(40_000));
    const noise = fc.string({ unit: 'binary', minLength: 1, maxLength: 3000 });
    const frame = fc
      .array(fc.oneof(word, noise), { minLength: 1, maxLength: 4 })
      .map((parts) => parts.join(''));
    await fc.assert(
      fc.asyncProperty(fc.array(frame, { maxLength: 20 }), async (texts) => {
        const inflater = new FrameInflater();
        const wellFormed = texts.map((text) => text.toWellFormed());
        const frames = await deflated(wellFormed);
        expect(frames.map((each) => inflater.inflate(each))).toEqual(wellFormed);
      }),
      { numRuns: 50 },
    );
  });

  it.each([
    ['nothing', ''],
    ['half a header', '78'],
    ['no zlib', '7b226f70'],
    ['a wrong check', '789d00'],
    ['a dictionary that nobody has', '78bb00'],
    ['broken deflate', '789cffffff'],
  ])('is none: %s', (_name, hex) => {
    expect(new FrameInflater().inflate(Buffer.from(hex, 'hex'))).toBeNull();
  });

  it('has frames of up to 4 MiB', async () => {
    const limit = 4 * 1024 * 1024;
    const [full, over] = await deflated([' '.repeat(limit), ' '.repeat(limit + 1)]);
    const inflater = new FrameInflater();
    expect(inflater.inflate(full!)?.length).toBe(limit);
    expect(inflater.inflate(over!)).toBeNull();
  });
});
