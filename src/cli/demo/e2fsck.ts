/** Asks e2fsck, which changes nothing with `-n`, whether an image is sound. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { codeOf } from '../../device/errors.js';

export type CheckResult =
  | { readonly ran: true; readonly clean: boolean; readonly output: string }
  | { readonly ran: false; readonly reason: string };

export function checkImage(image: string, signal: AbortSignal): Promise<CheckResult> {
  return new Promise((resolve, reject) => {
    // Debian keeps it out of the PATH of ordinary users.
    const { PATH = '', ...others } = process.env;
    const env = { ...others, PATH: [PATH, '/usr/sbin', '/sbin'].join(path.delimiter), LC_ALL: 'C' };
    const child = spawn('e2fsck', ['-fn', image], { env, signal, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (text) => {
      output += text;
    });
    child.stderr.on('data', (text) => {
      output += text;
    });
    child.on('error', (error) => {
      if (signal.aborted) reject(error);
      else resolve({ ran: false, reason: codeOf(error) === 'ENOENT' ? 'e2fsck is not installed' : error.message });
    });
    child.on('close', (status) => {
      resolve(resultOf(status ?? -1, output));
    });
  });
}

/** Bit of the exit code: faults were found and, with `-n`, left. */
const FAULTS_LEFT = 4;

/** Other bits say that it could not check, for instance a file system with features newer than itself. */
function resultOf(exitCode: number, output: string): CheckResult {
  if (exitCode === 0 || (exitCode & FAULTS_LEFT) !== 0) return { ran: true, clean: exitCode === 0, output };
  const [, message = ''] = output.split('\n');
  return { ran: false, reason: `e2fsck gave up with exit code ${exitCode}: ${message}` };
}
