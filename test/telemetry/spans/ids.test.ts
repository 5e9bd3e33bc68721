import { expect } from 'chai';
import { spanIdOf, traceIdOf } from '../../../src/telemetry/spans/ids.js';
import { hrTime } from '../../../src/telemetry/spans/hr-time.js';

describe('ids of spans', () => {
  it('are hex of the length that W3C wants, and never zeros', () => {
    for (let at = 0; at < 100; at++) {
      expect(traceIdOf('j', `key ${at}`)).to.match(/^(?!0+$)[0-9a-f]{32}$/);
      expect(spanIdOf('j', `key ${at}`)).to.match(/^(?!0+$)[0-9a-f]{16}$/);
    }
  });

  it('are the same in every process', () => {
    expect(traceIdOf('00ff', 'writeback 12')).to.equal('c74e60ae4fc55c2513cdb71fe20c1d05');
    expect(spanIdOf('00ff', 'writeback 12')).to.equal('ee7352d3caf23707');
  });

  it('differ by the journal and by the key', () => {
    const ids = [spanIdOf('a', 'x'), spanIdOf('a', 'y'), spanIdOf('b', 'x'), traceIdOf('a', 'x').slice(0, 16)];
    expect(new Set(ids).size).to.equal(ids.length);
  });
});

describe('times of spans', () => {
  it('are whole seconds and nanoseconds, exact to the nanosecond', () => {
    expect(hrTime(0, 0)).to.deep.equal([0, 0]);
    expect(hrTime(1_700_000_000_123.25, 1)).to.deep.equal([1_700_000_000, 123_250_001]);
    expect(hrTime(1_700_000_000_999.5, 500_000)).to.deep.equal([1_700_000_001, 0]);
    expect(hrTime(1_700_000_000_999.5, 3_600_000_499_999)).to.deep.equal([1_700_003_600, 999_999_999]);
  });
});
