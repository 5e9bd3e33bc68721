import { expect } from 'chai';
import { whatIfFrom } from '../../../../src/cli/journal/replay/what-if.js';

describe('--what-if', () => {
  it('takes lists, with commas or bars, and makes every combination of them', () => {
    for (const text of ['capacity=256,1024,policy=lru|priority', 'policy=lru,priority capacity=256|1024']) {
      const runs = whatIfFrom([text]);
      expect(runs).to.have.deep.members([
        { capacity: 256, policy: 'lru' },
        { capacity: 256, policy: 'priority' },
        { capacity: 1024, policy: 'lru' },
        { capacity: 1024, policy: 'priority' },
      ]);
    }
    expect(whatIfFrom(['capacity=1', 'policy=lru'])).to.deep.equal([{ capacity: 1, policy: 'lru' }]);
  });

  it('takes ranges that double, multiply or add', () => {
    const capacities = (value: string) => whatIfFrom([`capacity=${value}`]).map(({ capacity }) => capacity);
    expect(capacities('64..512')).to.deep.equal([64, 128, 256, 512]);
    expect(capacities('3..20')).to.deep.equal([3, 6, 12]);
    expect(capacities('1..100*10')).to.deep.equal([1, 10, 100]);
    expect(capacities('10..40+15')).to.deep.equal([10, 25, 40]);
    expect(capacities('7..7,9')).to.deep.equal([7, 9]);
  });

  it('takes modes, block sizes and limits, several of them at once', () => {
    const [run, ...others] = whatIfFrom(['mode=writethrough,blockSize=8192,dirtyHardShare=0.5,runBytesMax=65536']);
    expect(others).to.deep.equal([]);
    const limits = { dirtyHardShare: 0.5, runBytesMax: 65536 };
    expect(run).to.deep.equal({ mode: 'writethrough', blockSize: 8192, limits });
  });

  it('refuses what means nothing, and says what it takes', () => {
    const wrong = ['', 'capacity', '5', 'capacity=', 'capacity=x', 'capacity=4..2', 'capacity=0..4', 'capacity=1..9*1'];
    for (const text of [
      ...wrong,
      'capacity=1..9+0',
      'policy=fifo',
      'mode=fast',
      'ram=1',
      'dirtyHardShare=x',
      'capacity=-1',
    ]) {
      expect(() => whatIfFrom([text]), text)
        .to.throw(/--what-if/)
        .with.property('code', 'CACHETRAIL_INVALID_ARGUMENT');
    }
    expect(() => whatIfFrom(['capacity=1 capacity=2'])).to.throw('twice');
    expect(() => whatIfFrom(['capacity=1..1000000+1'])).to.throw('too many');
    expect(() => whatIfFrom(['capacity=1..200+1,policy=lru|priority'])).to.throw('400 combinations');
  });
});
