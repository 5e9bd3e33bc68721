/** The devices, the contract they keep, and the errors they give: the package's entry `cachetrail/device`. */
export type { BlockDevice, DeviceManifest } from './block-device.js';
export { ERROR_CODES, type ErrorCode } from './error-codes.js';
export {
  ArgumentError,
  CachetrailError,
  codeOf,
  DeviceError,
  type FailedBlock,
  type Resolution,
  InternalError,
  RequestError,
  WriteError,
} from './errors.js';
export { type FileDeviceOptions, openFileDevice } from './file.js';
export { type FaultDevice, type FaultDeviceOptions, faultDevice } from './fault.js';
export type { Fault, FaultOperation, FaultRule, FaultSpec } from './fault-rules.js';
export {
  BLOCK_SIZE_BYTES_DEFAULT,
  BLOCK_SIZE_BYTES_MAX,
  BLOCK_SIZE_BYTES_MIN,
  type BlockCount,
  type BlockIndex,
  type BlockRange,
  type ByteLength,
  type ByteOffset,
  DEVICE_BYTES_MAX,
} from './geometry.js';
export { type LatencyOptions, latencyDevice, type SetTimer } from './latency.js';
export { type MemoryContents, type MemoryDevice, type MemoryDeviceOptions, memoryDevice } from './memory.js';
export type { KeptBytes, VolatileChange } from './write-cache.js';
