import { expect } from 'chai';
import { draw } from './lane-diagram.js';

describe('the device lane', () => {
  it('asks the device at once, and answers when it does', async () => {
    const { asked, answers } = await draw({
      commands: '-a------',
      device: { a: '---r' },
      expected: '----a---',
    });
    expect(asked).to.deep.equal(['a1']);
    expect(answers[0]).to.include({ startedAt: 1e6, at: 4e6, late: false });
    expect(answers[0].bytes).to.have.length(16);
  });

  it('answers in the order in which the device does', async () => {
    await draw({
      commands: 'ab------',
      device: { a: '-----r', b: '-r' },
      expected: '--b--a--',
    });
  });

  it('asks for no more at once than its depth; the rest waits, in order', async () => {
    const { asked } = await draw({
      commands: '(abcd)------',
      device: { a: '---r', b: '-----r', c: '---r', d: '-r' },
      expected: '---a-b(cd)--',
      depth: 2,
    });
    expect(asked).to.deep.equal(['a0', 'b0', 'c3', 'd5']);
  });

  it('goes on with what waits in the frame of an answer', async () => {
    const { asked } = await draw({
      commands: '(abc)----',
      device: { a: '--r', b: '--r', c: '--r' },
      expected: '--a-b-c--',
      depth: 1,
    });
    expect(asked).to.deep.equal(['a0', 'b2', 'c4']);
  });

  it('carries writes, barriers, discards and zeros as well', async () => {
    const { answers } = await draw({
      commands: '(abcd)---',
      device: { a: '-r', b: '--r', c: '---r', d: '----r' },
      expected: '-abcd----',
      kinds: { a: 'write', b: 'barrier', c: 'discard', d: 'zero' },
      depth: 4,
    });
    expect(answers.map(({ bytes }) => bytes?.length ?? null)).to.deep.equal([16, null, null, null]);
  });

  it('gives the device’s own error', async () => {
    const { answers } = await draw({
      commands: 'a----',
      device: { a: '--#' },
      expected: '--A--',
      codes: { A: 'EIO' },
    });
    expect(answers[0]).to.include({ outcome: 'failed' });
    expect(answers[0].error).to.be.an('error').with.property('message', 'injected');
  });

  it('tells a short transfer as a failure of unknown outcome, by what it was', async () => {
    const { answers } = await draw({
      commands: '(ab)-----',
      device: { a: '--s', b: '---s' },
      expected: '--AB-----',
      codes: { A: 'CACHETRAIL_SHORT_READ', B: 'CACHETRAIL_SHORT_WRITE' },
      kinds: { b: 'write' },
    });
    expect(answers.map(({ outcome }) => outcome)).to.deep.equal(['unknown', 'unknown']);
  });

  it('tells an answer that is no byte count, and an error that is none, as a broken contract', async () => {
    await draw({
      commands: '(ab)-----',
      device: { a: '--n', b: '---u' },
      expected: '--AB-----',
      codes: { A: 'CACHETRAIL_DEVICE_PROTOCOL', B: 'CACHETRAIL_DEVICE_PROTOCOL' },
    });
  });

  it('tells what a device throws as if it had rejected, and goes on', async () => {
    const { asked } = await draw({
      commands: '(ab)--',
      device: { b: '--r' },
      expected: 'A-b---',
      codes: { A: 'EIO' },
      kinds: { a: 'throws' },
      depth: 1,
    });
    expect(asked).to.deep.equal(['a0', 'b0']);
  });

  it('does not listen to a second answer', async () => {
    await draw({
      commands: 'a-----',
      device: { a: '--t' },
      expected: '--a---',
    });
  });
});

describe('an operation that the device does not answer in time', () => {
  it('ends by a timeout, of unknown outcome, and gives its memory to nobody', async () => {
    const { answers, clock } = await draw({
      commands: 'a-------',
      device: {},
      expected: '----A---',
      codes: { A: 'CACHETRAIL_DEVICE_TIMEOUT' },
      timeout: 4,
    });
    expect(answers[0]).to.include({ outcome: 'unknown', late: false, bytes: null, startedAt: 0, at: 4e6 });
    expect(clock.timers).to.equal(0);
  });

  it('ends each in its own time', async () => {
    await draw({
      commands: 'a-b-------',
      device: {},
      expected: '----A-B---',
      codes: { A: 'CACHETRAIL_DEVICE_TIMEOUT', B: 'CACHETRAIL_DEVICE_TIMEOUT' },
      timeout: 4,
    });
  });

  it('makes room for what waits', async () => {
    const { asked } = await draw({
      commands: '(ab)------',
      device: { b: '--r' },
      expected: '----A-b---',
      codes: { A: 'CACHETRAIL_DEVICE_TIMEOUT' },
      timeout: 4,
      depth: 1,
    });
    expect(asked).to.deep.equal(['a0', 'b4']);
  });

  it('counts its time from when the device was asked, not from when it came', async () => {
    await draw({
      commands: '(ab)---------',
      device: { a: '---r', b: '---r' },
      expected: '---a--b------',
      timeout: 4,
      depth: 1,
    });
  });

  it('does not take one with it that was answered in time', async () => {
    await draw({
      commands: 'ab-------',
      device: { a: '---r' },
      expected: '---a-B---',
      codes: { B: 'CACHETRAIL_DEVICE_TIMEOUT' },
      timeout: 4,
    });
  });

  it('is told as late when it is answered after all, with its memory', async () => {
    const { answers } = await draw({
      commands: 'a---------',
      device: { a: '------r' },
      expected: '----A-a---',
      codes: { A: 'CACHETRAIL_DEVICE_TIMEOUT', a: 'late' },
      timeout: 4,
    });
    expect(answers.map(({ late, bytes }) => [late, bytes?.length ?? null])).to.deep.equal([
      [false, null],
      [true, 16],
    ]);
  });
});

describe('what the device owes', () => {
  const codes = {
    A: 'CACHETRAIL_DEVICE_TIMEOUT',
    B: 'CACHETRAIL_DEVICE_TIMEOUT',
    C: 'CACHETRAIL_DEVICE_STALLED',
    a: 'late',
  };

  it('is bounded: it is asked for no more until it has answered', async () => {
    const { asked } = await draw({
      commands: '(ab)---c---d----',
      device: { a: '---------r', d: '--r' },
      expected: '---(AB)C-a---d--',
      codes,
      timeout: 3,
      owedMax: 2,
    });
    expect(asked).to.deep.equal(['a0', 'b0', 'd11']);
  });

  it('when it is refused is a failure of known outcome, and gives a write its memory back', async () => {
    const { answers } = await draw({
      commands: '(ab)---c----',
      device: {},
      expected: '---(AB)C----',
      codes,
      kinds: { c: 'write' },
      timeout: 3,
      owedMax: 2,
    });
    expect(answers[2]).to.include({ outcome: 'failed', late: false });
    expect(answers[2].bytes).to.have.length(16);
  });
});

describe('the end of the device lane', () => {
  it('waits for what is running, and for what waits', async () => {
    await draw({
      commands: '(abc|)----',
      device: { a: '--r', b: '----r', c: '---r' },
      expected: '--a-b(c|)-',
      depth: 2,
    });
  });

  it('comes at once where nothing is running', async () => {
    await draw({
      commands: 'a--|--',
      device: { a: '-r' },
      expected: '-a-|--',
    });
  });

  it('does not wait for what has timed out', async () => {
    await draw({
      commands: '(a|)------',
      device: {},
      expected: '----(A|)--',
      codes: { A: 'CACHETRAIL_DEVICE_TIMEOUT' },
      timeout: 4,
    });
  });

  it('by leaving asks the device for nothing more, tells nothing more, and leaves no timer', async () => {
    const { asked, clock } = await draw({
      commands: '(abc)-----',
      device: { a: '--r', b: '-----r', c: '-r' },
      expected: '--a-------',
      depth: 1,
      leaves: 3,
    });
    expect(asked).to.deep.equal(['a0', 'b2']);
    expect(clock.timers).to.equal(0);
  });
});

describe('the timers of the device lane', () => {
  it('are none when nothing is running', async () => {
    const { clock } = await draw({
      commands: 'a--b-----',
      device: { a: '-r', b: '-r' },
      expected: '-a--b----',
    });
    expect(clock.timers).to.equal(0);
  });
});
