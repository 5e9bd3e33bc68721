import { expect } from 'chai';
import { Staging } from '../../src/streams/staging.js';

const BLOCK = 512;
const RUN = 4096;
const KEPT = 4;

describe('Staging', () => {
  it('gives memory of the length that is asked for', () => {
    const staging = new Staging(BLOCK, RUN, KEPT);
    for (const bytes of [BLOCK, 2 * BLOCK, RUN, 100]) expect(staging.take(bytes)).to.have.length(bytes);
  });

  it('gives no memory twice that is in use', () => {
    const staging = new Staging(BLOCK, RUN, KEPT);
    const taken = [BLOCK, BLOCK, 1024, 1024, 100].map((bytes) => staging.take(bytes));
    expect(new Set(taken.map(({ buffer }) => buffer)).size).to.equal(taken.length);
  });

  it('gives the same memory again once it is back: blocks to blocks, runs to runs', () => {
    const staging = new Staging(BLOCK, RUN, KEPT);
    const [block, run] = [staging.take(BLOCK), staging.take(1024)];
    const made = staging.memoryBytes;
    staging.give(block);
    staging.give(run);
    expect(staging.take(BLOCK).buffer).to.equal(block.buffer);
    expect(staging.take(2048).buffer).to.equal(run.buffer);
    expect(staging.memoryBytes).to.equal(made);
  });

  it('makes nothing new for a steady load', () => {
    const staging = new Staging(BLOCK, RUN, KEPT);
    for (let round = 0; round < 100; round++) {
      const taken = [BLOCK, 2048, BLOCK, 100, RUN].map((bytes) => staging.take(bytes));
      for (const bytes of taken) staging.give(bytes);
    }
    expect(staging.memoryBytes).to.equal(2 * BLOCK + 3 * RUN);
  });

  it('keeps a bounded part of what a device held that answered nothing', () => {
    const staging = new Staging(BLOCK, RUN, KEPT);
    const taken = Array.from({ length: 64 }, (_, at) => staging.take(at % 2 === 0 ? BLOCK : 1024));
    expect(staging.memoryBytes).to.equal(32 * BLOCK + 32 * RUN);
    for (const bytes of taken) staging.give(bytes);
    expect(staging.memoryBytes).to.equal(KEPT * (BLOCK + RUN));
  });

  it('gives longer memory when longer runs are asked for, and drops the shorter', () => {
    const staging = new Staging(BLOCK, 1024, KEPT);
    const short = staging.take(1024);
    staging.give(staging.take(1024));
    expect(staging.take(RUN)).to.have.length(RUN);
    staging.give(short);
    expect(staging.take(RUN)).to.have.length(RUN);
    expect(staging.memoryBytes).to.equal(2 * RUN);
  });

  it('takes blocks of the length of a run', () => {
    const staging = new Staging(RUN, RUN, KEPT);
    const block = staging.take(RUN);
    staging.give(block);
    expect(staging.take(RUN).buffer).to.equal(block.buffer);
    expect(staging.take(100)).to.have.length(100);
  });

  it('takes blocks that are longer than a run should be', () => {
    const staging = new Staging(RUN, BLOCK, KEPT);
    expect(staging.take(RUN)).to.have.length(RUN);
    expect(staging.take(RUN - 1)).to.have.length(RUN - 1);
  });

  it('takes a block that was a frame, and gives that block again, not what is beside it', () => {
    const staging = new Staging(BLOCK, RUN, KEPT);
    const slab = new Uint8Array(2 * RUN);
    const frame = slab.subarray(BLOCK, 2 * BLOCK);
    staging.give(frame);
    expect(staging.take(BLOCK)).to.equal(frame);
    expect(staging.take(1024).buffer).to.not.equal(slab.buffer);
  });

  it('does not take the slab of a frame for a run, when blocks have another size by the time it comes back', () => {
    const staging = new Staging(BLOCK, RUN, KEPT);
    const slab = new Uint8Array(2 * RUN);
    const taken = staging.take(BLOCK);
    staging.setBlockBytes(1024);
    staging.give(slab.subarray(0, BLOCK));
    expect(staging.take(2048).buffer).to.not.equal(slab.buffer);
    expect(taken).to.have.length(BLOCK);
  });

  it('lets go of what does not fit when blocks have another size, also of what comes back later', () => {
    const staging = new Staging(BLOCK, RUN, KEPT);
    const [used, free] = [staging.take(BLOCK), staging.take(BLOCK)];
    staging.give(free);
    staging.setBlockBytes(1024);
    staging.give(used);
    expect(staging.memoryBytes).to.equal(0);
    expect(staging.take(1024)).to.have.length(1024);
  });
});
