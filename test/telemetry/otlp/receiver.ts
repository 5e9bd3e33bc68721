/** A collector for tests: takes OTLP over HTTP, JSON and protocol buffers, and is strict about it. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { decodeRequest } from './protobuf.js';
import { type ReceivedSpan, relationsIn, spansIn, type Surroundings } from './strict.js';

export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export class OtlpReceiver {
  readonly spans: ReceivedSpan[] = [];
  /** The bodies, as they came. */
  readonly bodies: Buffer[] = [];
  readonly headers: IncomingMessage['headers'][] = [];
  readonly #findings: string[] = [];
  readonly #server: Server;
  readonly #answer: (request: number) => Answer | null;
  #port = 0;
  #requests = 0;
  /** Requests under way, and the most that there were at once. */
  #atOnce = 0;
  atOnceMax = 0;

  /** `answer`, if it gives one for the nth request, is what that one gets, and its spans are not kept. */
  constructor(answer: (request: number) => Answer | null = () => null) {
    this.#answer = answer;
    this.#server = createServer((request, response) => void this.#take(request, response));
  }

  static async started(answer?: (request: number) => Answer | null): Promise<OtlpReceiver> {
    const receiver = new OtlpReceiver(answer);
    await new Promise<void>((resolve) => receiver.#server.listen(0, '127.0.0.1', resolve));
    receiver.#port = (receiver.#server.address() as AddressInfo).port;
    return receiver;
  }

  /** Where it listens, or did. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get requests(): number {
    return this.#requests;
  }

  /** All that is wrong with what came, and with the spans among themselves. */
  findings(surroundings: Surroundings = {}): string[] {
    return [...this.#findings, ...relationsIn(this.spans, surroundings)];
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.atOnceMax = Math.max(this.atOnceMax, ++this.#atOnce);
    const body = await buffer(request);
    const answer = this.#answer(++this.#requests) ?? this.#accept(request, body);
    this.#atOnce--;
    response.writeHead(answer.status, answer.headers).end(answer.body ?? '');
  }

  #accept(request: IncomingMessage, body: Buffer): Answer {
    if (request.method !== 'POST' || request.url !== '/v1/traces') {
      this.#findings.push(`${request.method} ${request.url}`);
      return { status: 404 };
    }
    this.headers.push(request.headers);
    this.bodies.push(body);
    const type = request.headers['content-type'];
    try {
      this.spans.push(...spansIn(this.#decoded(type, body), this.#findings));
    } catch (error) {
      this.#findings.push(`cannot be read: ${String(error)}`);
      return { status: 400 };
    }
    return { status: 200, headers: { 'content-type': type ?? '' }, body: type === 'application/json' ? '{}' : '' };
  }

  #decoded(type: string | undefined, body: Buffer): unknown {
    if (type === 'application/json') return JSON.parse(body.toString('utf8'));
    if (type === 'application/x-protobuf') return decodeRequest(body);
    throw new Error(`content type ${type}`);
  }
}
