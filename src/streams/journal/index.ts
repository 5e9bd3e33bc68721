/** The journal: the stream of events at rest. */
export type { JournalSink } from './sink.js';
export type * from './types.js';
