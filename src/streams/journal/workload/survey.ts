/** What has to be known of a recording before its workload can be replayed: a first reading. */
import type { CacheEvent } from '../../../cache/events.js';
import { REPLACED_CODE } from '../../../cache/failure-codes.js';
import type { CacheState } from '../../../cache/state.js';
import { bytesOfRange } from '../../../device/geometry.js';
import { keyOf, LatencyTable } from './device-model.js';
import type { DeviceOperationKind, ModelledAnswer, ModelledOperation } from './types.js';

interface Started extends ModelledOperation {
  readonly at: number;
  /** Gets more when the device answers after a timeout. */
  readonly answers: ModelledAnswer[];
}

export class Survey {
  events = 0;
  /** The `closeStarted` events, by seq, of closes that failed: the cache stayed open. */
  readonly failedCloses = new Set<number>();
  /** For each kind and run of blocks, the answers to each operation, in order. Empty unless asked for. */
  readonly answers = new Map<string, ModelledAnswer[][]>();
  readonly #keepsAnswers: boolean;
  /** From the decision to the answer, the wait for a free place included; of operations that succeeded. */
  readonly latencies: Readonly<Record<DeviceOperationKind, LatencyTable>> = {
    read: new LatencyTable(),
    write: new LatencyTable(),
    barrier: new LatencyTable(),
    discard: new LatencyTable(),
    zero: new LatencyTable(),
  };
  readonly #started = new Map<number, Started>();
  #closeSeq = 0;
  #blockSize = 0;
  #deviceBytes = 0;

  /** `start`: a state of the cache in whose life the journal begins, if it does. */
  constructor(keepsAnswers: boolean, start: CacheState | null) {
    this.#keepsAnswers = keepsAnswers;
    this.#blockSize = start?.blockSize ?? 0;
    this.#deviceBytes = start?.deviceBytes ?? 0;
  }

  accept(event: CacheEvent): void {
    this.events++;
    switch (event.type) {
      case 'opened':
        this.#started.clear();
        this.#blockSize = event.config.blockSize;
        this.#deviceBytes = event.config.deviceBytes;
        return;
      case 'blockSizeChanged':
        this.#blockSize = event.to;
        return;
      case 'closeStarted':
        this.#closeSeq = event.seq;
        return;
      case 'closeFailed':
        this.failedCloses.add(this.#closeSeq);
        return;
      case 'fillStarted':
        return this.#start('read', event, event.block, event.count);
      case 'writebackStarted':
        return this.#start('write', event, event.block, event.count);
      case 'barrierStarted':
        return this.#start('barrier', event, 0, 0);
      case 'clearStarted':
        return this.#start(event.kind === 'zero' ? 'zero' : 'discard', event, event.block, event.count);
      case 'fillFinished':
      case 'writebackFinished':
      case 'barrierFinished':
        return this.#answer(event, '', 'failed');
      case 'fillFailed':
      case 'writebackFailed':
      case 'barrierFailed':
      case 'clearAnswered':
        return this.#answer(event, event.code, event.outcome);
      case 'deviceAnsweredLate':
        return this.#answer(event, event.code, 'failed');
    }
  }

  #start(
    kind: DeviceOperationKind,
    event: { readonly at: number; readonly io: number },
    block: number,
    count: number,
  ): void {
    const answers: ModelledAnswer[] = [];
    const bytes = count > 0 ? bytesOfRange(block, count, this.#blockSize, this.#deviceBytes) : 0;
    const offset = block * this.#blockSize;
    this.#started.set(event.io, { kind, block, count, offset, bytes, at: event.at, answers });
    if (!this.#keepsAnswers) return;
    const key = keyOf({ kind, block, count });
    const before = this.answers.get(key);
    if (before === undefined) this.answers.set(key, [answers]);
    else before.push(answers);
  }

  #answer(
    { at, io }: { readonly at: number; readonly io: number },
    code: string,
    outcome: ModelledAnswer['outcome'],
  ): void {
    const started = this.#started.get(io);
    if (started === undefined) return;
    if (code === REPLACED_CODE) {
      // The device never answered; its replacement says so for it, and does in a replay.
      started.answers.push({ delayNs: Number.POSITIVE_INFINITY, code, outcome });
      this.#started.delete(io);
      return;
    }
    const delayNs = Math.max(0, at - started.at);
    started.answers.push({ delayNs, code, outcome });
    if (code === '') this.latencies[started.kind].add(started.bytes, delayNs);
    if (outcome !== 'unknown') this.#started.delete(io);
  }
}
