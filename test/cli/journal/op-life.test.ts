import { expect } from 'chai';
import type { Core, Step } from '../../support/core.js';
import * as steps from '../../support/steps.js';
import { opLifeOf } from './lives.js';

const ROOM = { limits: { dirtyHardShare: 1, dirtyBackgroundShare: 1 } };
const retry = (core: Core) => steps.tickAt(core.state.retries[0].dueAt)(core);
/** Makes frames; its two requests are op 1 and op 2. */
const { grown } = steps;
const OP = 3;

describe('the life of a request', () => {
  it('of a read is its miss, the device’s answer, and its end', () => {
    const life = opLifeOf(OP, [grown, steps.read(2, 4), steps.settle, steps.read(2, 4)]);
    expect(life.kinds).to.deep.equal(['request', 'request', 'read', 'request']);
    expect(life.text).to.include('the read is done');
    expect(life.standing).to.equal('');
  });

  it('of a read that joins another’s fill has that fill’s answer', () => {
    const life = opLifeOf(OP + 1, [grown, steps.read(2), steps.read(2), steps.fails('fill'), steps.settle]);
    expect(life.kinds).to.include('read failed');
    expect(life.text).to.include('which another request has begun');
  });

  it('says how many blocks were evicted for it', () => {
    const fill: Step = () => [steps.read(2, 8), steps.settle];
    const life = opLifeOf(OP + 1, [grown, fill, steps.read(20, 3), steps.settle]);
    expect(life.text).to.include('3 blocks evicted for it');
  });

  it('of a write goes on until its blocks are durable, those of one line told together', () => {
    const life = opLifeOf(
      OP,
      [grown, steps.write(2, 3), steps.flush(), steps.settle, steps.read(2), steps.write(2)],
      ROOM,
    );
    expect(life.kinds).to.deep.equal(['request', 'planned', 'writing', 'at the device', 'barrier', 'durable']);
    expect(life.text).to.match(/^blocks 2-4: durable/m);
    expect(life.standing).to.include('all that it wrote is durable');
  });

  it('of a write that is overtaken says so, and ends with what carried it', () => {
    const life = opLifeOf(OP, [grown, steps.write(2), steps.write(2), steps.flush(), steps.settle], ROOM);
    expect(life.kinds).to.include('rewritten');
    expect(life.kinds.at(-1)).to.equal('durable');
  });

  it('of a write that fails names the blocks that are not durable', () => {
    const life = opLifeOf(OP, [grown, steps.write(2, 3), steps.flush(), steps.fails('writeback')], ROOM);
    expect(life.kinds.slice(-2)).to.deep.equal(['failed', 'retry']);
    expect(life.standing).to.equal('not durable: blocks 2-4');
  });

  it('of a write that is dropped by name ends there', () => {
    const life = opLifeOf(OP, [grown, steps.write(2), steps.clear('drop', 2), steps.write(2), steps.flush()], ROOM);
    expect(life.kinds).to.deep.equal(['request', 'lost']);
  });

  it('of a flush has what it met, and counts the device writes', () => {
    const life = opLifeOf(
      OP + 1,
      [grown, steps.write(2, 3), steps.flush(), steps.fails('writeback'), retry, steps.settle],
      ROOM,
    );
    expect(life.kinds.filter((kind) => kind === 'meanwhile')).to.have.length(5);
    expect(life.text).to.include('a write to blocks 2-4 failed: EIO').and.include('the barrier is done');
    expect(life.text).to.match(/the flush is done; 1 device write meanwhile/);
  });
});
