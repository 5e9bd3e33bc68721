/** A process that carries out orders, bounded in time and memory: what it runs may hang, or eat all it gets. */
import { type ChildProcess, fork } from 'node:child_process';
import path from 'node:path';
import type { Broken, Order, Outcome } from './orders.js';

export interface Bounds {
  /** Longest time that one run may take, milliseconds. */
  readonly runMs: number;
  /** Most memory for JavaScript, MiB. */
  readonly memoryMiB: number;
}

export const USUAL_BOUNDS: Bounds = { runMs: 60_000, memoryMiB: 1024 };

export class WorkerProcess {
  readonly #child: ChildProcess;
  readonly #bounds: Bounds;
  #said = '';

  /** `first`: modules that are loaded before any other. */
  constructor(bounds: Bounds, first: readonly string[] = [], env: Readonly<Record<string, string>> = {}) {
    this.#bounds = bounds;
    this.#child = fork(path.join(import.meta.dirname, 'worker.js'), {
      execArgv: [`--max-old-space-size=${bounds.memoryMiB}`, ...first.flatMap((module) => ['--import', module])],
      env: { ...process.env, ...env },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#said += text;
    });
  }

  /** Null when all of it has been run, or the first failure where it was to stop there; else how the process has died. Rejects if it does not work. */
  carryOut(order: Order, told: (outcome: Outcome) => void): Promise<Broken | null> {
    const child = this.#child;
    return new Promise((resolve, reject) => {
      let watch: NodeJS.Timeout | undefined;
      const watched = () => {
        clearTimeout(watch);
        watch = setTimeout(() => {
          child.off('exit', died);
          child.kill('SIGKILL');
          resolve(bounds(`a run took more than ${this.#bounds.runMs / 1000} s`));
        }, this.#bounds.runMs);
      };
      const heard = (message: Outcome | 'done') => {
        if (message !== 'done') {
          watched();
          return told(message);
        }
        clearTimeout(watch);
        child.off('message', heard).off('exit', died);
        resolve(null);
      };
      const died = (code: number | null, signal: string | null) => {
        clearTimeout(watch);
        // It did not get so far as to break a promise: a mutation that does not even load proves nothing.
        if (code === 1) return reject(new Error(`a worker has failed: ${lineOf(this.#said)}`));
        resolve(bounds(`the process ended with ${signal ?? code}: ${lineOf(this.#said)}`));
      };
      child.on('message', heard).once('exit', died);
      watched();
      child.send(order);
    });
  }

  end(): void {
    this.#child.kill();
  }
}

function bounds(message: string): Broken {
  return { by: 'bounds', message, stack: '' };
}

/** Of what a dying process says: the line that says why. */
function lineOf(said: string): string {
  const lines = said.split('\n');
  return lines.find((line) => /error|fatal/i.test(line)) ?? lines[0];
}
