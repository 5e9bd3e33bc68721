import { expect } from 'chai';
import { Callers, PlainCaller, ReadCaller } from '../../src/streams/callers.js';

describe('a caller', () => {
  it('is told once: the first word counts', async () => {
    const [done, failed] = [new PlainCaller(), new PlainCaller()];
    done.succeed();
    done.fail(new Error('too late'));
    failed.fail(new Error('first'));
    failed.succeed();
    await done.promise();
    expect([done.isDone, failed.isDone, failed.isSettled]).to.deep.equal([true, false, true]);
    const error = await failed.promise().catch((thrown: unknown) => thrown);
    expect(error).to.be.an('error').with.property('message', 'first');
  });

  it('may wait before it is told, or after', async () => {
    const [before, after] = [new ReadCaller(new Uint8Array(1), 0, 1), new ReadCaller(new Uint8Array(1), 0, 1)];
    const waiting = before.promise();
    before.succeed(before.into);
    after.succeed(after.into);
    expect(await waiting).to.equal(before.into);
    expect(await after.promise()).to.equal(after.into);
  });

  it('that reads many blocks knows which it has got', () => {
    const caller = new ReadCaller(new Uint8Array(2), 0, 2);
    caller.got(4);
    expect([caller.has(4), caller.has(5)]).to.deep.equal([true, false]);
  });
});

describe('the callers of a cache', () => {
  it('are found by their request, the current one and those that wait', () => {
    const callers = new Callers();
    const [first, second] = [new PlainCaller(), new PlainCaller()];
    callers.begin(1, first);
    expect(callers.find(1)).to.equal(first);
    expect(callers.waiting).to.equal(0);
    callers.begin(2, second);
    expect([callers.find(1), callers.find(2), callers.find(3)]).to.deep.equal([first, second, undefined]);
    callers.park();
    expect(callers.waiting).to.equal(2);
    expect(callers.take(1)).to.equal(first);
    expect([callers.find(1), callers.waiting]).to.deep.equal([undefined, 1]);
  });

  it('that have been told are not kept', () => {
    const callers = new Callers();
    const caller = new PlainCaller();
    callers.begin(1, caller);
    caller.succeed();
    callers.park();
    expect([callers.find(1), callers.waiting]).to.deep.equal([undefined, 0]);
  });

  it('that are taken while their request is being decided on do not come back to wait', () => {
    const callers = new Callers();
    const caller = new PlainCaller();
    callers.begin(1, caller);
    expect(callers.take(1)).to.equal(caller);
    callers.park();
    expect([callers.find(1), callers.waiting]).to.deep.equal([undefined, 0]);
  });

  it('all fail together', async () => {
    const callers = new Callers();
    const waiting = [1, 2, 3].map((op) => {
      const caller = new PlainCaller();
      callers.begin(op, caller);
      return caller.promise().then(
        () => 'done',
        (error: Error) => error.message,
      );
    });
    callers.failAll(new Error('stopped'));
    expect(await Promise.all(waiting)).to.deep.equal(['stopped', 'stopped', 'stopped']);
    expect(callers.waiting).to.equal(0);
  });
});
