/** Device reads. State: who has joined each that is under way. */
import { ATTRIBUTE, RELATION, SPAN } from '../names.js';
import type { DeviceSpans } from './device.js';
import { type EventOf, runAttributes } from './event.js';
import type { Requests } from './requests.js';
import { link } from './spans.js';

export class Fills {
  readonly #requests: Requests;
  readonly #device: DeviceSpans;
  readonly #joined = new Map<number, number[]>();

  constructor(requests: Requests, device: DeviceSpans) {
    this.#requests = requests;
    this.#device = device;
  }

  started(event: EventOf<'fillStarted'>): void {
    const { io, op, reason, cached } = event;
    const attributes = {
      ...runAttributes(event),
      [ATTRIBUTE.op]: op,
      [ATTRIBUTE.reason]: reason,
      [ATTRIBUTE.cached]: cached,
    };
    const parent = this.#requests.parentFor(op);
    this.#device.started(io, { name: SPAN.deviceRead, started: event, parent, attributes });
  }

  joined({ io, op }: EventOf<'fillJoined'>): void {
    const ops = this.#joined.get(io);
    if (ops === undefined) this.#joined.set(io, [op]);
    else ops.push(op);
  }

  answered(event: EventOf<'fillFinished' | 'fillFailed'>): void {
    const ref = this.#device.answered({ code: '', ...event }, SPAN.deviceRead);
    for (const op of this.#joined.get(event.io) ?? []) this.#requests.link(op, link(ref, RELATION.joins));
    this.#joined.delete(event.io);
  }

  get size(): number {
    return this.#joined.size;
  }

  finish(): void {
    this.#joined.clear();
  }
}
