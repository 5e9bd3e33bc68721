/** Bytes being written: grows only where a single event is larger than what is left of the buffer. Hot. */
import { assert } from '../../../device/errors.js';

/** A number whose difference from its prediction is whole and below this is stored as that difference. */
const DELTA_LIMIT = 2 ** 52;
/** Differences below this, the usual ones, are reckoned in 32 bits. */
export const SMALL = 2 ** 30;
/** Two bytes that no number begins with, since numbers are stored as short as they can be. */
export const ESCAPE = 0x80;

const encoder = new TextEncoder();

export class ByteSink {
  bytes: Uint8Array;
  /** Where the next byte goes. */
  at = 0;
  readonly #double = new Float64Array(1);
  readonly #doubleBytes = new Uint8Array(this.#double.buffer);

  constructor(bytes: number) {
    this.bytes = new Uint8Array(bytes);
  }

  /** Makes sure that so many bytes can follow. */
  reserve(bytes: number): void {
    const needed = this.at + bytes;
    if (needed <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, this.bytes.length * 2));
    larger.set(this.bytes.subarray(0, this.at));
    this.bytes = larger;
  }

  /** Seven bits a byte, the lowest first; the high bit says that more follow. `value` is whole, from 0 to 2^53 - 1. */
  varint(value: number): void {
    const { bytes } = this;
    let rest = value;
    while (rest > 0x7fffffff) {
      bytes[this.at++] = (rest & 0x7f) | 0x80;
      rest = Math.floor(rest / 128);
    }
    while (rest > 0x7f) {
      bytes[this.at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    bytes[this.at++] = rest;
  }

  /** A number as its difference from what was predicted, or whole where that would not be exact. */
  number(value: number, predicted: number): void {
    const delta = value - predicted;
    const small = delta | 0;
    if (small === delta && predicted + delta === value && small < SMALL && small >= -SMALL) {
      let rest = (small << 1) ^ (small >> 31);
      const { bytes } = this;
      let at = this.at;
      while (rest > 0x7f) {
        bytes[at++] = rest | 0x80;
        rest >>>= 7;
      }
      bytes[at++] = rest;
      this.at = at;
      return;
    }
    if (delta > -DELTA_LIMIT && delta < DELTA_LIMIT && Math.floor(delta) === delta && predicted + delta === value) {
      this.varint(delta >= 0 ? delta * 2 : -delta * 2 - 1);
      return;
    }
    this.bytes[this.at++] = ESCAPE;
    this.bytes[this.at++] = 0;
    this.double(value);
  }

  /** IEEE 754, little-endian. */
  double(value: number): void {
    this.#double[0] = value;
    for (let index = 0; index < 8; index++) this.bytes[this.at++] = this.#doubleBytes[LITTLE ? index : 7 - index];
  }

  copy(bytes: Uint8Array): void {
    this.bytes.set(bytes, this.at);
    this.at += bytes.length;
  }

  /** Twice the length in bytes, then UTF-8; text that is no Unicode has 1 added, and its UTF-16 units follow. */
  newText(text: string): void {
    if (isWellFormed(text)) {
      const bytes = encoder.encode(text);
      this.reserve(bytes.length + ROOM);
      this.varint(bytes.length * 2);
      this.copy(bytes);
      return;
    }
    this.reserve(text.length * 2 + ROOM);
    this.varint(text.length * 4 + 1);
    for (let at = 0; at < text.length; at++) {
      const unit = text.charCodeAt(at);
      this.bytes[this.at++] = unit & 0xff;
      this.bytes[this.at++] = unit >>> 8;
    }
  }
}

/** What a record may take beside texts, lists and payload: what is always kept free. */
export const ROOM = 512;

const LITTLE = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

function isWellFormed(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit < 0xd800 || unit > 0xdfff) continue;
    const next = text.charCodeAt(at + 1);
    if (unit > 0xdbff || !(next >= 0xdc00 && next <= 0xdfff)) return false;
    at++;
  }
  return true;
}

/** Lower-case hex to bytes; false, with nothing of use written, if it is anything else. */
export function hexInto(hex: string, bytes: Uint8Array, at: number, length: number): boolean {
  assert(at + length <= bytes.length, 'there is room for the bytes');
  if (hex.length !== length * 2) return false;
  for (let index = 0; index < length; index++) {
    const high = nibble(hex.charCodeAt(index * 2));
    const low = nibble(hex.charCodeAt(index * 2 + 1));
    if (high < 0 || low < 0) return false;
    bytes[at + index] = (high << 4) | low;
  }
  return true;
}

function nibble(unit: number): number {
  if (unit >= 0x30 && unit <= 0x39) return unit - 0x30;
  return unit >= 0x61 && unit <= 0x66 ? unit - 0x57 : -1;
}
