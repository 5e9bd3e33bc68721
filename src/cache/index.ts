/** The core: closed (no clock, randomness, timers, Node or RxJS) and deterministic. */
export * from './block-state.js';
export * from './decide.js';
export * from './digest.js';
export * from './events.js';
export * from './evolve.js';
export * from './inputs.js';
export * from './invariants.js';
export * from './limits.js';
export * from './plan.js';
export * from './state.js';
export * from './state-copy.js';
