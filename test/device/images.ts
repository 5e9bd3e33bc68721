/** Where tests keep their disk images. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

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
