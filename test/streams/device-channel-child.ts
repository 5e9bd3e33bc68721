/** A program whose subscriber of the diagnostics channel throws. Prints what became of the cache, as JSON. Not a test. */
import { tracingChannel } from 'node:diagnostics_channel';
import { DEVICE_CHANNEL, memoryDevice, openCache } from '../../src/index.js';

const caught: string[] = [];
process.on('uncaughtException', (error) => caught.push(error.message));
tracingChannel(DEVICE_CHANNEL).subscribe({
  start: () => {
    throw new Error('at the start');
  },
  end: () => {},
  asyncStart: () => {
    throw new Error('at the end');
  },
  asyncEnd: () => {},
  error: () => {},
});
const cache = await openCache(memoryDevice({ sizeBytes: 64 * 4096 }), { capacity: 16 });
await cache.read(0);
await cache.write(3, new Uint8Array(4096).fill(7));
await cache.flush();
const { deviceReads, deviceWrites, barriers, dirtyBlocks } = cache.stats();
const state = cache.inspect(3).state;
await cache.close();
// Node rethrows in a tick of its own, which comes when the promises have run out.
await new Promise(setImmediate);
console.log(JSON.stringify({ deviceReads, deviceWrites, barriers, dirtyBlocks, state, caught: [...new Set(caught)] }));
