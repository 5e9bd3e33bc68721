/** Every event of a journal, in order, one by one: nothing is kept, so that a reading costs little beside what is done with it. */
import type { CacheEvent } from '../../../cache/events.js';
import { digesterFor } from '../chain.js';
import { EventDecoder } from '../codec/decoder.js';
import { Links } from '../link.js';
import { readFrames } from '../read-frames.js';
import { visitEvents } from '../reader.js';
import { isKeyed } from '../seek.js';
import { checkKey } from '../tail.js';
import type { JournalProblem } from '../types.js';

export interface EachEventOptions {
  readonly key: Uint8Array | null;
  readonly signal: AbortSignal | null;
  readonly onProblem: (problem: JournalProblem) => void;
  /** Called after each frame. */
  readonly onFrame: () => void;
}

/** Rejects with JournalError for what is no journal, and with the signal's reason when that is aborted. */
export async function eachEvent(
  directory: string,
  { key, signal, onProblem, onFrame }: EachEventOptions,
  visit: (event: CacheEvent) => void,
): Promise<void> {
  // The chain of a keyed journal cannot be checked without the key.
  const digester = key === null && (await isKeyed(directory)) ? null : digesterFor(key);
  const decoder = new EventDecoder();
  const frames = readFrames({
    directory,
    links: new Links(digester, onProblem),
    report: onProblem,
    wants: () => true,
    key: (header) => {
      if (key !== null) checkKey(header, key);
    },
  });
  for await (const frame of frames) {
    signal?.throwIfAborted();
    visitEvents(frame, decoder, onProblem, visit);
    onFrame();
  }
}
