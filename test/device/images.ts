/** Where tests keep their disk images. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { openFileDevice } from '../../src/device/index.js';

/** A folder of its own for a suite's images, removed after it. Call it where `describe` runs. */
export function imageFolder(): {
  path(name: string): string;
  make(name: string, contents: Uint8Array | number): string;
} {
  let folder = '';
  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'cachetrail-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));
  const at = (name: string) => path.join(folder, name);
  return {
    path: at,
    make(name, contents) {
      writeFileSync(at(name), typeof contents === 'number' ? new Uint8Array(contents) : contents);
      return at(name);
    },
  };
}

/** Whether files can have holes punched where the images are kept; says so if not. As the device itself sees it. */
export async function holesWork(): Promise<boolean> {
  const folder = mkdtempSync(path.join(tmpdir(), 'cachetrail-'));
  try {
    const device = await openFileDevice(path.join(folder, 'image'), { create: { sizeBytes: 4096 } });
    const { discard } = device.supports;
    await device.close();
    if (!discard) console.log('    left out: discard on files, since this platform or file system punches no holes');
    return discard;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
