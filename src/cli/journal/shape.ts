import { firstHeader } from '../../streams/journal/seek.js';

/** Bytes of a block, and of the device. */
export interface DeviceShape {
  readonly blockSize: number;
  readonly deviceBytes: number;
}

export const UNKNOWN_SHAPE: DeviceShape = { blockSize: 1, deviceBytes: Number.POSITIVE_INFINITY };

/**
 * Where a journal begins: its opening may have been deleted by retention, or not be chosen, and a segment's header tells too.
 * Rejects with JournalError for what is no journal.
 */
export async function shapeOf(directory: string): Promise<DeviceShape> {
  const header = await firstHeader(directory);
  return header?.config ?? UNKNOWN_SHAPE;
}
