import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { expect } from 'chai';
import { flatness, type Sample } from './memory.js';

describe('A soak', () => {
  // In a process of its own, where no test runner has timers.
  it('loses nothing and leaves nothing in a second of faults over a real file', () => {
    const main = path.join(import.meta.dirname, 'main.js');
    const { status, stdout, stderr } = spawnSync(process.execPath, [main, '--seconds', '1', '--json'], {
      encoding: 'utf8',
    });
    expect(status, stderr).to.equal(0);
    const result: unknown = JSON.parse(stdout);
    expect(result).to.deep.include({ left: [], journal: 'sound', memory: null });
    expect(result).to.have.property('requests').above(50);
  });

  it('tells memory that grows from memory that does not', () => {
    const samples = (bytes: (at: number) => number): Sample[] =>
      Array.from({ length: 100 }, (_, at) => {
        return { share: (at + 1) / 100, heapBytes: bytes(at), bufferBytes: 1 << 20, cacheBytes: 1 << 20 };
      });
    expect(flatness(samples((at) => 20e6 + (at % 7) * 1e6)).isFlat).to.equal(true);
    expect(flatness(samples((at) => 20e6 + at * 2e5)).isFlat).to.equal(false);
  });
});
