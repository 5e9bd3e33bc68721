/** That a restored state is the same is held by the property tests, which put states away and go on from the copy. */
import { expect } from 'chai';
import { CacheState, copyState } from '../../src/cache/index.js';

/** Bytes of blocks are no part of a copy. */
const LEFT_OUT = ['frames'];

describe('the copy of a state', () => {
  it('has every field of it: a new one must be copied and restored too', () => {
    const state = new CacheState({ bytes: false });
    const { rest } = copyState(state);
    const copied = [...Object.keys(rest), ...Object.keys(rest.scalars), ...LEFT_OUT];
    expect(copied).to.include.members(Object.keys(state));
  });
});
