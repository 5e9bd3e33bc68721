/**
 * Run as a process of its own, which does its task with a cache over a file, does not close it, and should end by itself.
 * Not a test.
 */
import { map } from 'rxjs';
import { type BlockCache, openCache, openFileDevice } from '../../src/index.js';

export type Task = 'nothing' | 'read' | 'flush' | 'write' | 'many-frames' | 'throwing-subscribers';

const TASKS: Readonly<Record<Task, (cache: BlockCache) => Promise<unknown>>> = {
  nothing: () => Promise.resolve(),
  read: (cache) => cache.read(0, 4),
  flush: async (cache) => {
    await cache.write(1, new Uint8Array(4096).fill(7));
    await cache.flush();
  },
  write: (cache) => cache.write(1, new Uint8Array(4096).fill(7)),
  'many-frames': (cache) => cache.read(0, 16),
  'throwing-subscribers': async (cache) => {
    const throwing = () => {
      throw new Error('not mine');
    };
    cache.events$.subscribe(throwing);
    cache.events$.pipe(map(throwing)).subscribe();
    cache.events$.subscribe({ complete: throwing });
    await cache.read(0);
    await cache.close();
  },
};

const [, , path, task] = process.argv;
// Frames in slabs of one block: the timer that would give idle ones back is set from the second on.
const limits = { dirtyAgeNs: 50e6, slabBytes: 4096 };
const cache = await openCache(await openFileDevice(path, { lock: false }), { limits });
await TASKS[task as Task](cache);
