/** Callers as processes: a trace knows who asked by number, and each number's name. */
import type { CacheEvent } from '../../../cache/events.js';

/** Requests whose caller is remembered: those that may still ask the device for something. */
const REQUESTS_MAX = 1 << 16;
const NAMES_MAX = 1 << 16;

export class Processes {
  /** The cache itself, which writes back and asks for barriers. */
  readonly cache = 1;
  readonly #tell: (pid: number, name: string) => void;
  readonly #pids = new Map<string, number>();
  readonly #requests = new Map<number, number>();

  /** `tell` gets every number when it is first used, and its name. */
  constructor(tell: (pid: number, name: string) => void) {
    this.#tell = tell;
  }

  accept(event: CacheEvent): void {
    if (event.type === 'opened') {
      this.#requests.clear();
      if (this.#pids.size === 0) this.#pidOf('cachetrail');
    }
    // A cached read asks the device for nothing, and there are many.
    if (!('actor' in event) || event.type === 'read') return;
    this.#requests.set(event.op, this.#pidOf(event.actor === '' ? 'unnamed' : event.actor));
    if (this.#requests.size > 2 * REQUESTS_MAX) this.#forgetOldest();
  }

  ofRequest(op: number): number {
    return this.#requests.get(op) ?? this.cache;
  }

  /** Many at once: a map looks for its first entry past all that were deleted. */
  #forgetOldest(): void {
    for (const op of this.#requests.keys()) {
      if (this.#requests.size <= REQUESTS_MAX) return;
      this.#requests.delete(op);
    }
  }

  #pidOf(name: string): number {
    const known = this.#pids.get(name);
    if (known !== undefined) return known;
    if (this.#pids.size >= NAMES_MAX) return this.cache;
    const pid = this.cache + this.#pids.size;
    this.#pids.set(name, pid);
    this.#tell(pid, name);
    return pid;
  }
}
