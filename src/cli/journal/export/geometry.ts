/** Where blocks are on the device, as the events so far tell. */
import type { CacheEvent } from '../../../cache/events.js';
import type { DeviceShape } from '../shape.js';

export class Geometry {
  #blockSize: number;
  #deviceBytes: number;

  /** What it is where the journal begins: its opening may have been deleted. */
  constructor({ blockSize, deviceBytes }: DeviceShape) {
    this.#blockSize = blockSize;
    this.#deviceBytes = deviceBytes;
  }

  accept(event: CacheEvent): void {
    if (event.type === 'opened') {
      this.#blockSize = event.config.blockSize;
      this.#deviceBytes = event.config.deviceBytes;
    }
    if (event.type === 'blockSizeChanged') this.#blockSize = event.to;
  }

  /** A device's last block may be short. */
  bytesOf({
    block,
    count,
  }: {
    readonly block: number;
    readonly count: number;
  }): readonly [offset: number, length: number] {
    const offset = block * this.#blockSize;
    return [offset, Math.min((block + count) * this.#blockSize, this.#deviceBytes) - offset];
  }
}
