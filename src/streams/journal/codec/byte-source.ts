/** Bytes being read. Everything that cannot be is a `MalformedError`, which never leaves the journal. */
import { ESCAPE } from './byte-sink.js';

/** The bytes of a frame, though their sums are right, are no events. */
export class MalformedError extends Error {
  override readonly name = 'MalformedError';
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export class ByteSource {
  readonly bytes: Uint8Array;
  at: number;
  readonly end: number;
  readonly #view: DataView;

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  byte(): number {
    if (this.at >= this.end) throw new MalformedError('a record ends before its time');
    return this.bytes[this.at++];
  }

  varint(): number {
    let byte = this.byte();
    if (byte < 0x80) return byte;
    let value = byte & 0x7f;
    let scale = 128;
    do {
      byte = this.byte();
      value += (byte & 0x7f) * scale;
      scale *= 128;
    } while (byte >= 0x80 && scale <= 2 ** 56);
    if (byte >= 0x80 || value > Number.MAX_SAFE_INTEGER) throw new MalformedError('a number is too large');
    return value;
  }

  /** See `ByteSink.number`. */
  number(predicted: number): number {
    if (this.at + 1 < this.end && this.bytes[this.at] === ESCAPE && this.bytes[this.at + 1] === 0) {
      this.at += 2;
      return this.double();
    }
    const stored = this.varint();
    return predicted + (stored % 2 === 0 ? stored / 2 : -(stored + 1) / 2);
  }

  double(): number {
    this.need(8);
    const value = this.#view.getFloat64(this.at, true);
    this.at += 8;
    return value;
  }

  /** A view, not a copy. */
  take(length: number): Uint8Array {
    this.need(length);
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  newText(): string {
    const stored = this.varint();
    const bytes = this.take(Math.floor(stored / 2));
    if (stored % 2 === 0) {
      try {
        return utf8.decode(bytes);
      } catch {
        throw new MalformedError('a text is no UTF-8');
      }
    }
    let text = '';
    for (let at = 0; at + 1 < bytes.length; at += 2) text += String.fromCharCode(bytes[at] | (bytes[at + 1] << 8));
    return text;
  }

  hex(length: number): string {
    let text = '';
    for (const byte of this.take(length)) text += HEX[byte];
    return text;
  }

  need(length: number): void {
    if (length > this.end - this.at) throw new MalformedError('a record ends before its time');
  }
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
