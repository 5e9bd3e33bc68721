/** Where the package's own files are, whether it runs from dist/ or from a build of the repository. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { InternalError } from '../device/errors.js';

/** The directory with cachetrail's package.json, at or above this file. */
export function packageRoot(): string {
  for (let directory = import.meta.dirname; ; directory = path.dirname(directory)) {
    if (existsSync(path.join(directory, 'package.json')) && manifestIn(directory).name === 'cachetrail')
      return directory;
    if (directory === path.dirname(directory)) throw new InternalError('the package.json of cachetrail is missing');
  }
}

export function packageVersion(): string {
  return manifestIn(packageRoot()).version;
}

export function shippedImagePath(): string {
  return path.join(packageRoot(), 'assets', 'demo.ext4.gz');
}

function manifestIn(directory: string): { readonly name: string; readonly version: string } {
  const manifest: unknown = JSON.parse(readFileSync(path.join(directory, 'package.json'), 'utf8'));
  const field = (name: string): string => {
    const value = typeof manifest === 'object' && manifest !== null ? Reflect.get(manifest, name) : undefined;
    return typeof value === 'string' ? value : '';
  };
  return { name: field('name'), version: field('version') };
}
