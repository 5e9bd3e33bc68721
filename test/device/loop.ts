/** Block devices for tests: loop devices over files. They need Linux, root and losetup. */
import { execFileSync } from 'node:child_process';

/** Attaches a file, whose size should be a multiple of 512 bytes, and gives back the block device's path. */
export function attachLoop(file: string, options: { readonly readOnly?: boolean } = {}): string {
  return losetup('--find', '--show', ...(options.readOnly === true ? ['--read-only'] : []), file).trim();
}

export function detachLoop(device: string): void {
  losetup('--detach', device);
}

/** Why there can be no loop devices here, or undefined if there can. */
export function loopObstacle(): string | undefined {
  if (process.platform !== 'linux') return `this is ${process.platform}, not Linux`;
  if (process.getuid?.() !== 0) return 'this is not root';
  try {
    losetup('--find');
    return undefined;
  } catch (error) {
    return `losetup fails: ${error instanceof Error ? error.message.trim() : String(error)}`;
  }
}

/** A mocha hook that leaves out, and says so, what needs loop devices where there are none. */
export function skipWithoutLoops(this: Mocha.Context): void {
  const obstacle = loopObstacle();
  if (obstacle === undefined) return;
  console.log(`    left out: ${this.currentTest?.parent?.fullTitle() ?? 'block devices'}, since ${obstacle}`);
  this.skip();
}

function losetup(...args: string[]): string {
  return execFileSync('losetup', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}
