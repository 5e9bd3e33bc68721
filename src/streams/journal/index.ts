/** The journal: the stream of events at rest. */
export { JournalError } from './errors.js';
export { Journal, type OpenJournalOptions, openJournal } from './reader.js';
export { isSameEvent } from './same-event.js';
export type { JournalSink } from './sink.js';
export { type StateAt, type StateAtOptions, stateAt } from './state-at.js';
export type * from './types.js';
export { type VerifyOptions, verifyJournal } from './verify.js';
export { JournalWriter, openJournalWriter } from './writer.js';
export { replayWorkload } from './workload/replay-workload.js';
export type * from './workload/types.js';
