import { describe, expect, it } from 'vitest';
import { CommitLog } from '../../../src/stores/postgres/own-commits.ts';
import { settled } from '../../helpers/settled.ts';

describe("a node's own commits", () => {
  it('each acknowledged one is known once, by its primary and place', async () => {
    const log = new CommitLog();
    log.begin('one')(7);
    expect(await log.take('two', 7)).toBe(false);
    expect(await log.take('one', 6)).toBe(false);
    expect(await log.take('one', 7)).toBe(true);
    expect(await log.take('one', 7)).toBe(false);
  });

  it('whoever asks waits for those that may be meant, and for no others', async () => {
    const log = new CommitLog();
    const [first, second] = [log.begin('one'), log.begin('one')];
    log.begin('two');
    const answers: boolean[] = [];
    void log.take('one', 7).then((known) => answers.push(known));
    void log.take('one', 8).then((known) => answers.push(known));
    log.begin('one'); // begun later than what is asked about was read
    await settled();
    expect(answers).toEqual([]);
    second(8);
    await settled();
    expect(answers).toEqual([true]);
    first(null);
    await settled();
    expect(answers).toEqual([true, false]);
  });

  it('forgets those of a primary, and the oldest where nobody comes past them', async () => {
    const log = new CommitLog();
    log.begin('one')(1);
    log.begin('two')(1);
    log.forget('one');
    expect([await log.take('one', 1), await log.take('two', 1)]).toEqual([false, true]);
    for (let seq = 1; seq <= 100_001; seq++) log.begin('one')(seq);
    expect([await log.take('one', 1), await log.take('one', 2)]).toEqual([false, true]);
  });
});
