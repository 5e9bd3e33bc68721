/**
 * Run as a process of its own: opens a device as its argument says, prints the outcome as a line of JSON, and keeps the
 * device open until its input ends. Not a test itself.
 */
import { codeOf, type FileDeviceOptions, openFileDevice } from '../../src/device/index.js';
import { loadNative } from '../../src/device/native.js';

export interface ChildTask {
  readonly path: string;
  readonly options?: FileDeviceOptions;
  /** Gives up the rights of root first. */
  readonly asNobody?: boolean;
  readonly write?: { readonly offset: number; readonly length: number };
  readonly zero?: { readonly offset: number; readonly length: number };
}

export interface ChildOutcome {
  /** '' if all went well. */
  readonly code: string;
  readonly causeCode: string;
  readonly discard?: boolean;
  readonly zero?: boolean;
}

const NOBODY = 65_534;

async function run({ path, options, asNobody, write, zero }: ChildTask): Promise<ChildOutcome> {
  if (asNobody === true && process.getuid?.() === 0) {
    // What is loaded late must be loaded before: the checkout may be root's alone.
    await loadNative();
    process.setuid?.(NOBODY);
  }
  const device = await openFileDevice(path, options);
  if (write !== undefined) await device.write(write.offset, [new Uint8Array(write.length).fill(7)]);
  if (zero !== undefined) await device.zero(zero.offset, zero.length);
  return { code: '', causeCode: '', discard: device.supports.discard, zero: device.supports.zero };
}

// A write past the limit on a file's size is to fail, not to end the process.
process.on('SIGXFSZ', () => undefined);
const task = process.argv[2];
if (task === undefined) throw new Error('child.js takes a task');
const outcome = await run(JSON.parse(task) as ChildTask).catch((error: unknown): ChildOutcome => {
  const cause = error instanceof Error ? error.cause : undefined;
  return { code: codeOf(error), causeCode: cause === undefined ? '' : codeOf(cause) };
});
console.log(JSON.stringify(outcome));
process.stdin.resume();
