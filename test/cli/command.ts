/** Runs the real command, as a user's shell would. */
import { type ChildProcess, spawn, type SpawnOptions } from 'node:child_process';
import path from 'node:path';

export const MAIN = path.join(import.meta.dirname, '..', '..', 'src', 'cli', 'main.js');

export interface Ended {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export async function cachetrail(args: readonly string[], options: SpawnOptions = {}): Promise<Ended> {
  return await ended(started(args, options));
}

export function started(args: readonly string[], options: SpawnOptions = {}): ChildProcess {
  return spawn(process.execPath, [MAIN, ...args], { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
}

export function ended(child: ChildProcess): Promise<Ended> {
  let [stdout, stderr] = ['', ''];
  child.stdout?.setEncoding('utf8').on('data', (text) => {
    stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (exitCode) => resolve({ exitCode, stdout, stderr }));
  });
}
