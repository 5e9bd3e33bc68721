/** A device that is really asked, while the time of the replay stands still: each operation takes there what it took here. */
import { fdatasyncSync, readSync, writeSync } from 'node:fs';
import { RequestError } from '../../../device/index.js';
import type { DeviceOperationKind, ModelledOperation } from '../../../streams/journal/index.js';
import { Latencies, type LatencySummary } from '../stats/latency.js';

export type LatenciesByKind = Readonly<Record<DeviceOperationKind, LatencySummary | null>>;

const KINDS: readonly DeviceOperationKind[] = ['read', 'write', 'barrier', 'discard', 'zero'];

const TRANSFER_BYTES = 1 << 20;

/** How long operations took, by kind. */
export class KindLatencies {
  readonly #latencies = new Map<DeviceOperationKind, Latencies>(KINDS.map((kind) => [kind, new Latencies()]));

  add(kind: DeviceOperationKind, ns: number): void {
    this.#latencies.get(kind)?.add(ns);
  }

  summaries(): LatenciesByKind {
    const of = (kind: DeviceOperationKind) => this.#latencies.get(kind)?.summary() ?? null;
    return { read: of('read'), write: of('write'), barrier: of('barrier'), discard: of('discard'), zero: of('zero') };
  }
}

export class RealDevice {
  readonly latencies = new KindLatencies();
  readonly #fd: number;
  #into = new Uint8Array(TRANSFER_BYTES);
  #bytes = pattern(TRANSFER_BYTES);
  readonly #zeros = new Uint8Array(TRANSFER_BYTES);

  /** `fd` stays the caller's. */
  constructor(fd: number) {
    this.#fd = fd;
  }

  /** Nanoseconds that it took. Throws the system's error. A discard is not made, and takes none. */
  readonly run = (operation: ModelledOperation): number => {
    if (operation.kind === 'discard') return 0;
    this.#makeRoom(operation);
    const start = process.hrtime.bigint();
    this.#ask(operation);
    const ns = Number(process.hrtime.bigint() - start);
    this.latencies.add(operation.kind, ns);
    return ns;
  };

  /** Reads and writes are made in one piece, as the cache makes them. */
  #makeRoom({ kind, bytes }: ModelledOperation): void {
    if (kind === 'read' && bytes > this.#into.length) this.#into = new Uint8Array(bytes);
    if (kind === 'write' && bytes > this.#bytes.length) this.#bytes = pattern(bytes);
  }

  #ask({ kind, offset, bytes }: ModelledOperation): void {
    switch (kind) {
      case 'read':
        return this.#each(offset, bytes, this.#into.length, (at, length) => {
          return readSync(this.#fd, this.#into, 0, length, at);
        });
      case 'write':
        return this.#each(offset, bytes, this.#bytes.length, (at, length) => {
          return writeSync(this.#fd, this.#bytes, 0, length, at);
        });
      case 'zero':
        return this.#each(offset, bytes, this.#zeros.length, (at, length) => {
          return writeSync(this.#fd, this.#zeros, 0, length, at);
        });
      case 'barrier':
        return fdatasyncSync(this.#fd);
      case 'discard':
        return;
    }
  }

  #each(offset: number, bytes: number, most: number, transfer: (at: number, length: number) => number): void {
    for (let done = 0; done < bytes; ) {
      const moved = transfer(offset + done, Math.min(most, bytes - done));
      if (moved === 0)
        throw new RequestError('CACHETRAIL_OUT_OF_RANGE', `the device ends before byte ${offset + bytes}`);
      done += moved;
    }
  }
}

/** What no disk makes less of, as it might of zeros. */
function pattern(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0, value = 1; at < length; at++) {
    value = (Math.imul(value, 1103515245) + 12345) >>> 0;
    bytes[at] = value >>> 16;
  }
  return bytes;
}
