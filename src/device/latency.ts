/** A device that takes its time: a filter over any other, to see what a cache is worth and what waiting does. */
import type { BlockDevice, DeviceManifest } from './block-device.js';
import { ArgumentError } from './errors.js';
import { Lifetime } from './lifetime.js';
import { generator } from './random.js';
import { closedError } from './transfer.js';

/** Calls back once after `delayMs` milliseconds. */
export type SetTimer = (delayMs: number, callback: () => void) => void;

export interface LatencyOptions {
  /** Milliseconds that each operation waits before it reaches the device. Default 0: no wait, and no timer. */
  readonly readMs?: number;
  readonly writeMs?: number;
  readonly barrierMs?: number;
  readonly discardMs?: number;
  readonly zeroMs?: number;
  /** The share by which a wait may be shorter or longer, 0 to 1. Default 0. */
  readonly jitter?: number;
  /** Of the jitter. Default 1. */
  readonly seed?: number;
  /** What waits: by default `setTimeout`. With one over a virtual clock no time passes. */
  readonly setTimer?: SetTimer;
}

/**
 * Wraps a device so that its operations take longer. They wait side by side: operations of the same kind keep their order
 * only without jitter. Throws ArgumentError CACHETRAIL_INVALID_ARGUMENT for what is no time or share.
 */
export function latencyDevice(device: BlockDevice, options: LatencyOptions = {}): BlockDevice {
  checkOptions(options);
  return new LatencyFilter(device, options);
}

/** Longest wait that setTimeout takes, about 24 days. */
const DELAY_MS_MAX = 2 ** 31 - 1;

class LatencyFilter implements BlockDevice {
  readonly #beneath: BlockDevice;
  readonly #options: LatencyOptions;
  readonly #setTimer: SetTimer;
  readonly #draw: () => number;
  readonly #lifetime = new Lifetime();

  constructor(device: BlockDevice, options: LatencyOptions) {
    this.#beneath = device;
    this.#options = options;
    this.#setTimer = options.setTimer ?? ((delayMs, callback) => setTimeout(callback, delayMs));
    this.#draw = generator(options.seed ?? 1);
  }

  get supports(): DeviceManifest {
    return this.#beneath.supports;
  }

  get sizeBytes(): number {
    return this.#beneath.sizeBytes;
  }

  get identity(): string {
    return this.#beneath.identity;
  }

  get fd(): number | undefined {
    return this.#beneath.fd;
  }

  read(offset: number, buffers: readonly Uint8Array[]): Promise<number> {
    return this.#after(this.#options.readMs, () => this.#beneath.read(offset, buffers));
  }

  write(offset: number, buffers: readonly Uint8Array[]): Promise<number> {
    return this.#after(this.#options.writeMs, () => this.#beneath.write(offset, buffers));
  }

  barrier(): Promise<void> {
    return this.#after(this.#options.barrierMs, () => this.#beneath.barrier());
  }

  discard(offset: number, length: number): Promise<void> {
    return this.#after(this.#options.discardMs, () => this.#beneath.discard(offset, length));
  }

  zero(offset: number, length: number): Promise<void> {
    return this.#after(this.#options.zeroMs, () => this.#beneath.zero(offset, length));
  }

  setOption(name: string, value: string): Promise<void> {
    return this.#after(0, () => this.#beneath.setOption(name, value));
  }

  /** Waits for the operations that wait. */
  close(): Promise<void> {
    return this.#lifetime.close(() => this.#beneath.close());
  }

  #after<T>(delayMs: number | undefined, work: () => Promise<T>): Promise<T> {
    if (this.#lifetime.closed) return Promise.reject(closedError(this.identity));
    if (delayMs === undefined || delayMs === 0) return this.#lifetime.track(work());
    const { jitter = 0 } = this.#options;
    const jittered = delayMs * (1 + jitter * (2 * this.#draw() - 1));
    const wait = new Promise<void>((resolve) => this.#setTimer(Math.min(jittered, DELAY_MS_MAX), resolve));
    return this.#lifetime.track(wait.then(work));
  }
}

function checkOptions({ readMs, writeMs, barrierMs, discardMs, zeroMs, jitter = 0 }: LatencyOptions): void {
  for (const [name, value] of Object.entries({ readMs, writeMs, barrierMs, discardMs, zeroMs })) {
    if (value === undefined || (value >= 0 && value <= DELAY_MS_MAX)) continue;
    throw new ArgumentError('CACHETRAIL_INVALID_ARGUMENT', `${name} is ${value}, not from 0 to ${DELAY_MS_MAX}`);
  }
  if (jitter >= 0 && jitter <= 1) return;
  throw new ArgumentError('CACHETRAIL_INVALID_ARGUMENT', `jitter is ${jitter}, not from 0 to 1`);
}
