/**
 * One record of Linux' block trace, version 7, as `blktrace` writes them and `blkparse` and `btt` read them: 48 bytes,
 * little-endian here, and what belongs to it behind. The names are those of the kernel's `blktrace_api.h`.
 */

const MAGIC_AND_VERSION = 0x65617407;
const CHUNK_BYTES = 1 << 16;
/** The length of what lies behind a record has 16 bits; a trace needs no more. */
export const DATA_BYTES_MAX = 1 << 10;
export const RECORD_BYTES = 48;
export const SECTOR_BYTES = 512;

/** What happens to an operation; in the low half of a record's action. */
export const ACTION = { queue: 1, issue: 7, complete: 8 } as const;
export type Step = keyof typeof ACTION;

/** What kind of operation it is, and of record; in the high half. */
export const CATEGORY = {
  read: 1 << 0,
  write: 1 << 1,
  flush: 1 << 2,
  sync: 1 << 3,
  queue: 1 << 4,
  issue: 1 << 6,
  complete: 1 << 7,
  notify: 1 << 10,
  ahead: 1 << 11,
  discard: 1 << 13,
} as const;

/** What a record says beside operations. */
export const NOTIFY = { process: 0, timestamp: 1, message: 2 } as const;

/** A block device of nobody's: 240 is for local use. */
const DEVICE = (240 << 20) | 0;

export interface TraceRecord {
  /** Nanoseconds since the trace began. */
  readonly time: number;
  readonly action: number;
  readonly pid: number;
  /** Bytes on the device. */
  readonly offset: number;
  readonly length: number;
  /** An errno, or 0. */
  readonly error: number;
  readonly data: Uint8Array;
}

/** Gathers records in chunks, since a trace has millions of them. */
export class RecordChunks {
  #bytes = new Uint8Array(CHUNK_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;
  /** Counts the records from 1: readers look for gaps. */
  #sequence = 0;

  /** A chunk that is full, or null. */
  add(record: TraceRecord): Uint8Array | null {
    const { data } = record;
    const full = this.#at + RECORD_BYTES + data.length > CHUNK_BYTES ? this.take() : null;
    const [view, at] = [this.#view, this.#at];
    view.setUint32(at, MAGIC_AND_VERSION, true);
    view.setUint32(at + 4, ++this.#sequence, true);
    setWhole(view, at + 8, Math.max(0, Math.round(record.time)));
    setWhole(view, at + 16, Math.floor(record.offset / SECTOR_BYTES));
    view.setUint32(at + 24, record.length, true);
    view.setUint32(at + 28, record.action, true);
    view.setUint32(at + 32, record.pid, true);
    view.setUint32(at + 36, DEVICE, true);
    view.setUint32(at + 40, 0, true);
    // The kernel keeps errors negative, cut to 16 bits.
    view.setUint16(at + 44, -record.error & 0xffff, true);
    view.setUint16(at + 46, data.length, true);
    this.#bytes.set(data, at + RECORD_BYTES);
    this.#at += RECORD_BYTES + data.length;
    return full;
  }

  /** What there is of the last chunk. */
  take(): Uint8Array {
    const chunk = this.#bytes.subarray(0, this.#at);
    this.#bytes = new Uint8Array(CHUNK_BYTES);
    this.#view = new DataView(this.#bytes.buffer);
    this.#at = 0;
    return chunk;
  }
}

/** A bigint for each number would cost more than all the rest. */
function setWhole(view: DataView, at: number, value: number): void {
  view.setUint32(at, value % 2 ** 32, true);
  view.setUint32(at + 4, Math.floor(value / 2 ** 32), true);
}

export function actionOf(low: number, categories: number): number {
  return (low | (categories << 16)) >>> 0;
}

/** Linux' number for a code; EIO for what has none of its own. */
export function errnoOf(code: string): number {
  return ERRNO[code] ?? ERRNO['EIO'];
}

/** Those of Linux, wherever the export is made. */
const ERRNO: Readonly<Record<string, number>> = {
  EPERM: 1,
  ENOENT: 2,
  EINTR: 4,
  EIO: 5,
  ENXIO: 6,
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EBUSY: 16,
  ENODEV: 19,
  EINVAL: 22,
  EFBIG: 27,
  ENOSPC: 28,
  EROFS: 30,
  EPIPE: 32,
  ENODATA: 61,
  ENOLINK: 67,
  EBADE: 52,
  EILSEQ: 84,
  EOPNOTSUPP: 95,
  ECONNRESET: 104,
  ETIMEDOUT: 110,
  EREMOTEIO: 121,
  CACHETRAIL_DEVICE_TIMEOUT: 110,
  CACHETRAIL_READ_ONLY: 30,
  CACHETRAIL_UNSUPPORTED: 95,
  CACHETRAIL_OUT_OF_RANGE: 22,
};
