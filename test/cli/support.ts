/** What the tests of the command and the adapters share. */
import { existsSync } from 'node:fs';
import path from 'node:path';

/** Path of a tool of the system, looked for as the command does. */
export function systemTool(name: string): string | undefined {
  const { PATH = '' } = process.env;
  const directories = [...PATH.split(path.delimiter), '/usr/sbin', '/sbin'];
  return directories.map((directory) => path.join(directory, name)).find((file) => existsSync(file));
}

/** Says that a test was left out, and why, and counts it as pending. */
export function leftOut(running: Mocha.Context, reason: string): void {
  console.log(`      left out: ${running.test?.fullTitle() ?? ''}: ${reason}`);
  running.skip();
}
