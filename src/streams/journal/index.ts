/** The journal: the stream of events at rest. */
export { JournalError } from './errors.js';
export { Journal, type OpenJournalOptions, openJournal } from './reader.js';
export type { JournalSink } from './sink.js';
export type * from './types.js';
export { JournalWriter, openJournalWriter } from './writer.js';
