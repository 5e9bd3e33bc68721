/** Other processes that open devices: see `child.ts` for what they do. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { ChildOutcome, ChildTask } from './child.js';

export interface Child {
  readonly outcome: ChildOutcome;
  /** Ends it as `kill -9` does. Resolves when it is gone. */
  kill(): Promise<void>;
}

const here = import.meta.dirname;
const running = new Set<ChildProcess>();

/** Starts a child and waits for its outcome. It keeps its device open until it is killed. */
export async function startChild(
  task: ChildTask,
  options: { readonly withoutNative?: boolean; readonly fileBlocksMax?: number } = {},
): Promise<Child> {
  const imports = options.withoutNative === true ? ['--import', path.join(here, 'without-native.js')] : [];
  const command = [process.execPath, ...imports, path.join(here, 'child.js'), JSON.stringify(task)];
  const limit = options.fileBlocksMax === undefined ? '' : `ulimit -f ${options.fileBlocksMax}; `;
  const child = spawn('sh', ['-c', `${limit}exec "$@"`, 'sh', ...command], { stdio: ['pipe', 'pipe', 'inherit'] });
  running.add(child);
  for await (const line of createInterface(child.stdout)) {
    return { outcome: JSON.parse(line) as ChildOutcome, kill: () => kill(child) };
  }
  throw new Error('the child ended without an outcome');
}

/** Starts a child, and ends it as soon as it has told its outcome. */
export async function childOutcome(...args: Parameters<typeof startChild>): Promise<ChildOutcome> {
  const child = await startChild(...args);
  await child.kill();
  return child.outcome;
}

/** For `afterEach`: no child outlives the test that forgot it. */
export async function killChildren(): Promise<void> {
  await Promise.all([...running].map(kill));
}

async function kill(child: ChildProcess): Promise<void> {
  if (!running.delete(child) || child.exitCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}
