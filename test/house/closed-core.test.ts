import path from 'node:path';
import vm from 'node:vm';
import { expect } from 'chai';
import { build } from 'esbuild';
import { run } from './core-program.js';
import { root } from './sources.js';

const STEPS = 3000;
const SEED = 20_250_301;

/** A world with the language and nothing else: what a bundle touches beside it is not there, or throws. */
function bareWorld(): vm.Context {
  const world = vm.createContext({}, { codeGeneration: { strings: false, wasm: false } });
  const bare = `
    Math.random = () => { throw new Error('randomness'); };
    for (const name of ['Date', 'console', 'Intl', 'WebAssembly', 'Promise', 'Atomics', 'SharedArrayBuffer']) delete globalThis[name];
  `;
  vm.runInContext(bare, world);
  return world;
}

describe('the closed core', () => {
  let bundle = '';

  before(async () => {
    const result = await build({
      entryPoints: [path.join(root, 'test/house/core-program.ts')],
      bundle: true,
      platform: 'neutral',
      format: 'iife',
      globalName: 'core',
      write: false,
      logLevel: 'silent',
    });
    bundle = result.outputFiles[0].text;
  });

  it('gives the same events and hashes without a clock, randomness, timers or Node as with them', () => {
    const world = bareWorld();
    vm.runInContext(bundle, world);
    const bare: unknown = vm.runInContext(`core.run(${STEPS}, ${SEED})`, world);
    expect(bare).to.equal(run(STEPS, SEED));
  });

  it('is put to work by that run: it fills, writes back, evicts, fails, retries and clears', () => {
    const { counts } = JSON.parse(run(STEPS, SEED)) as { counts: Record<string, number> };
    const expected = ['read', 'readMissed', 'written', 'evicted', 'writebackFailed', 'writebackRetryScheduled'];
    const missing = [...expected, 'barrierFinished', 'flushFinished', 'clearFinished'].filter(
      (type) => !(type in counts),
    );
    expect(missing).to.deep.equal([]);
  });

  it('would be caught if it used what is not there', () => {
    for (const code of [
      'Date.now()',
      'Math.random()',
      'setTimeout(() => {}, 1)',
      'process.env',
      'Buffer.alloc(1)',
      'performance.now()',
    ]) {
      expect(() => vm.runInContext(code, bareWorld()), code).to.throw();
    }
  });
});
