/** Tools for testing devices, and what is built on them: the package's entry `cachetrail/testing`. */
export { type FaultDevice, type FaultDeviceOptions, faultDevice } from '../device/fault.js';
export {
  type Fault,
  type FaultOperation,
  type FaultRule,
  type FaultSpec,
  type SystemError,
  systemError,
} from '../device/fault-rules.js';
export type { KeptBytes, VolatileChange } from '../device/write-cache.js';
export { type ConformanceOptions, type DeviceFactory, deviceConformance, type TestFunctions } from './conformance.js';
export { type ChaiLike, type ChaiUtilsLike, cachetrailAssertions } from './replay/assertions.js';
export type { LostBlock, ParkedBlock, RunHistory } from './replay/history.js';
export { type CostedRun, type ReplayedRun, type ReplayOptions, replay } from './replay/run.js';
