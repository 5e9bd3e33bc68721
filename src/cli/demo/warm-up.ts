/** Does the demo's work once on a small scale in memory, so that the first of the two timed runs pays for no compiling. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { ext2fsDisk } from '../../adapters/ext2fs.js';
import { memoryDevice } from '../../device/index.js';
import { openCache } from '../../streams/open-cache.js';
import { shippedImagePath } from '../package-files.js';
import { mount } from './mount.js';
import type { Tree } from './tree.js';
import { runWorkload } from './workload.js';

const FILES = 60;

export async function warmUp(tree: Tree, signal: AbortSignal): Promise<void> {
  const cache = await openCache(memoryDevice({ bytes: gunzipSync(readFileSync(shippedImagePath())) }));
  const mounted = await mount(ext2fsDisk(cache));
  const small = { ...tree, files: tree.files.slice(0, FILES) };
  const nothing = () => undefined;
  const sync = () => cache.flush();
  await runWorkload(mounted.files, small, '/warm-up', {
    signal,
    sync,
    phase: nothing,
    beforeFile: nothing,
    progress: nothing,
    said: nothing,
  });
  await mounted.unmount();
  await cache.close();
}
