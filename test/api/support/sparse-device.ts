/** A device of any size up to 2^53 - 1 bytes, of which only what has been written takes memory. */
import type { BlockDevice } from '../../../src/index.js';

export interface SparseDevice extends BlockDevice {
  /** Pages of 512 bytes that have been written, by number. */
  readonly pages: ReadonlyMap<number, Uint8Array>;
}

const PAGE_BYTES = 512;

export function sparseDevice(sizeBytes: number): SparseDevice {
  const pages = new Map<number, Uint8Array>();
  /** Visits the parts of a transfer page by page. Offsets stay numbers, since they do not fit in 32 bits. */
  const transfer = (
    offset: number,
    buffers: readonly Uint8Array[],
    visit: (page: number, from: number, part: Uint8Array) => void,
  ) => {
    let position = offset;
    for (const buffer of buffers) {
      for (let done = 0; done < buffer.length; ) {
        const page = Math.floor(position / PAGE_BYTES);
        const from = position - page * PAGE_BYTES;
        const part = buffer.subarray(done, done + PAGE_BYTES - from);
        visit(page, from, part);
        done += part.length;
        position += part.length;
      }
    }
    return Promise.resolve(position - offset);
  };
  const pageAt = (page: number) => {
    const bytes = pages.get(page) ?? new Uint8Array(PAGE_BYTES);
    pages.set(page, bytes);
    return bytes;
  };
  const forget = (offset: number, length: number) => {
    for (const page of pages.keys()) {
      if (page * PAGE_BYTES >= offset && (page + 1) * PAGE_BYTES <= offset + length) pages.delete(page);
    }
    return Promise.resolve();
  };
  return {
    pages,
    supports: { write: true, durable: false, discard: true, zero: true },
    sizeBytes,
    identity: `sparse:${sizeBytes}`,
    fd: undefined,
    read: (offset, buffers) =>
      transfer(offset, buffers, (page, from, part) => {
        const bytes = pages.get(page);
        if (bytes === undefined) part.fill(0);
        else part.set(bytes.subarray(from, from + part.length));
      }),
    write: (offset, buffers) => transfer(offset, buffers, (page, from, part) => pageAt(page).set(part, from)),
    barrier: () => Promise.resolve(),
    discard: forget,
    zero: forget,
    setOption: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}
