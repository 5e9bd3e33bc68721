/** The journal of a real run: the demo with few files, its write errors included. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

const MAIN = path.join(import.meta.dirname, '..', '..', 'src', 'cli', 'main.js');

export async function recordDemo(directory: string): Promise<void> {
  const args = [MAIN, 'demo', '--files', '12', '--journal', directory, '--json'];
  const child = spawn(process.execPath, args, { stdio: 'ignore' });
  const [exitCode] = await once(child, 'close');
  if (exitCode !== 0) throw new Error(`the demo ended with ${exitCode}`);
}
