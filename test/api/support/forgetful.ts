/** A program that does not close its cache: `forgetful.js PATH write|read`. */
import { openCache, openFileDevice } from '../../../src/index.js';

const [path, what] = process.argv.slice(2);
const cache = await openCache(await openFileDevice(path), {
  blockSize: 512,
  capacity: 4096,
  limits: { dirtyAgeNs: 20e6, slabBytes: 4096 },
});
// Many frames, so that there would be some to give back after an idle time.
await cache.readBytes(0, cache.sizeBytes);
if (what === 'write') await cache.write(3, new Uint8Array(512).fill(7));
console.log('the end of the program');
