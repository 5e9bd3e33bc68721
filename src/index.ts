/** The public API, and nothing else. */
export { BLOCK_STATES, type BlockState } from './cache/block-state.js';
export type * from './cache/events.js';
export { type CacheMode, type CoreConfig, type CoreLimits, DEFAULT_LIMITS, type PolicyName } from './cache/limits.js';
export * from './device/index.js';
export { BlockCache } from './streams/block-cache.js';
export type { InvalidateResult } from './streams/callers.js';
export { CacheHandle, type HandleOptions } from './streams/cache-handle.js';
export { BorrowedBlock } from './streams/borrowed-block.js';
export type { SubscriberError } from './streams/bus.js';
export { type CancelTimer, type Clock, systemClock } from './streams/clock.js';
export { DEVICE_CHANNEL, type DeviceChannelContext } from './streams/device-channel.js';
export { type JournalOpening, openCache } from './streams/open-cache.js';
export type { CacheOptions, JournalPlace } from './streams/options.js';
export type { EventSink } from './streams/pipeline.js';
export type { RequestOptions } from './streams/requester.js';
export type { BlockInfo, CacheStats, TelemetryStats } from './streams/stats.js';
