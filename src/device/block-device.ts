/**
 * What a cache needs of a device. Filters (`faultDevice`, `latencyDevice`) have the same interface as what they wrap.
 *
 * The contract, held by the conformance suite of `cachetrail/testing`:
 *
 * - Offsets and lengths are bytes, whole, within `sizeBytes`; a request outside rejects with CACHETRAIL_OUT_OF_RANGE.
 * - Buffers are the caller's: a device neither keeps them after it has answered nor changes those of a write.
 * - `read` and `write` resolve with the bytes transferred. Fewer than asked is a short transfer: for a write, what reached
 *   the device is unknown. A device tries to finish a transfer itself before it returns short.
 * - Failures are rejections with the device's own error; nothing throws synchronously.
 * - A write that was answered before `barrier` was called is durable once that barrier resolves.
 * - From the call of `close` on, every request rejects with CACHETRAIL_CLOSED; those in flight are answered before it is.
 */
export interface BlockDevice {
  /** What the device can do; requests that it can't do reject with CACHETRAIL_UNSUPPORTED or CACHETRAIL_READ_ONLY. */
  readonly supports: DeviceManifest;
  /** Size in bytes, fixed while open. */
  readonly sizeBytes: number;
  /**
   * Names the device across runs, and when it is unplugged and plugged again (a path with its inode, a disk's worldwide name, an
   * export name): for the journal, `replaceDevice` and messages.
   */
  readonly identity: string;
  /** The file descriptor, for a device that has one. */
  readonly fd: number | undefined;

  /** Fills `buffers` in order from `offset`. Resolves with the bytes read. */
  read(offset: number, buffers: readonly Uint8Array[]): Promise<number>;
  /** Writes `buffers` in order at `offset`. Resolves with the bytes written. */
  write(offset: number, buffers: readonly Uint8Array[]): Promise<number>;
  /** Makes all writes answered before this call durable. */
  barrier(): Promise<void>;
  /** Says that the bytes are not needed: reading them afterwards gives anything. */
  discard(offset: number, length: number): Promise<void>;
  /** Makes the bytes zero. */
  zero(offset: number, length: number): Promise<void>;
  /** Sets an option of the device's own; rejects with CACHETRAIL_UNKNOWN_OPTION if it has none of that name. */
  setOption(name: string, value: string): Promise<void>;
  /** Releases the device. Idempotent. */
  close(): Promise<void>;
}

export interface DeviceManifest {
  readonly write: boolean;
  /** `barrier` makes data survive a crash of the machine; false for memory, where it does nothing. */
  readonly durable: boolean;
  readonly discard: boolean;
  readonly zero: boolean;
}
