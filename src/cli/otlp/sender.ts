/** Sends lines of OTLP JSON to a collector: a few at once, again where it is busy, and counts what it refuses. */
import { CachetrailError } from '../../device/errors.js';
import type { OtlpEndpoint } from './endpoint.js';

export interface SendCounts {
  /** Spans that the collector has taken. */
  readonly sent: number;
  /** Spans that it has answered it will not take. */
  readonly rejected: number;
  /** What it said of the last of those, or ''. */
  readonly rejection: string;
}

const AT_ONCE_MAX = 4;
const TRIES_MAX = 6;
const WAIT_MS_FIRST = 250;
const WAIT_MS_MAX = 10_000;
/** What a collector answers when it is busy, or not there for a moment. */
const AGAIN: readonly number[] = [429, 502, 503, 504];
const BODY_CHARS_TOLD_MAX = 300;

export class OtlpSender {
  readonly #endpoint: OtlpEndpoint;
  readonly #underWay = new Set<Promise<void>>();
  #failure: unknown = null;
  #sent = 0;
  #rejected = 0;
  #rejection = '';

  constructor(endpoint: OtlpEndpoint) {
    this.#endpoint = endpoint;
  }

  /**
   * Resolves when there is room for more. Rejects with CACHETRAIL_COLLECTOR_UNREACHABLE or CACHETRAIL_COLLECTOR_REFUSED, and from
   * then on always.
   */
  async send(line: string, spans: number): Promise<void> {
    this.#throwFailure();
    const work: Promise<void> = this.#deliver(line, spans)
      .catch((error: unknown) => {
        this.#failure ??= error;
      })
      .finally(() => this.#underWay.delete(work));
    this.#underWay.add(work);
    while (this.#underWay.size >= AT_ONCE_MAX) await Promise.race(this.#underWay);
    this.#throwFailure();
  }

  /** Resolves when all that was sent has been answered; rejects as `send`. */
  async end(): Promise<SendCounts> {
    await Promise.all(this.#underWay);
    this.#throwFailure();
    return { sent: this.#sent, rejected: this.#rejected, rejection: this.#rejection };
  }

  async #deliver(line: string, spans: number): Promise<void> {
    let wait = WAIT_MS_FIRST;
    for (let tries = 1; ; tries++) {
      const response = await this.#post(line);
      const body = await response.text().catch(() => '');
      if (response.ok) return this.#count(spans, body);
      if (!AGAIN.includes(response.status) || tries === TRIES_MAX) throw this.#refusal(response.status, body, tries);
      const asked = Number(response.headers.get('retry-after')) * 1000;
      await new Promise((resolve) => setTimeout(resolve, Math.min(asked > 0 ? asked : wait, WAIT_MS_MAX)));
      wait *= 2;
    }
  }

  async #post(body: string): Promise<Response> {
    const { url, headers, timeoutMs } = this.#endpoint;
    try {
      return await fetch(url, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json' },
        body,
        signal: AbortSignal.timeout(timeoutMs),
      });
    } catch (error) {
      throw new CachetrailError('CACHETRAIL_COLLECTOR_UNREACHABLE', `no answer from ${url.href}: ${reasonOf(error)}`, {
        cause: error,
      });
    }
  }

  #count(spans: number, body: string): void {
    const { rejected, message } = partialSuccessIn(body);
    this.#sent += spans - Math.min(spans, rejected);
    this.#rejected += Math.min(spans, rejected);
    if (rejected > 0) this.#rejection = message;
  }

  #refusal(status: number, body: string, tries: number): CachetrailError {
    const said = body.trim().slice(0, BODY_CHARS_TOLD_MAX);
    const often = tries === 1 ? '' : `, ${tries} times`;
    return new CachetrailError(
      'CACHETRAIL_COLLECTOR_REFUSED',
      `${this.#endpoint.url.href} answered ${status}${often}${said === '' ? '' : `: ${said}`}`,
    );
  }

  #throwFailure(): void {
    if (this.#failure !== null) throw this.#failure;
  }
}

/** Numbers of 64 bits come as strings or as numbers. An answer that is no JSON has nothing to say. */
function partialSuccessIn(body: string): { readonly rejected: number; readonly message: string } {
  try {
    const { partialSuccess } = JSON.parse(body) as {
      partialSuccess?: { rejectedSpans?: string | number; errorMessage?: string };
    };
    const rejected = Number(partialSuccess?.rejectedSpans ?? 0);
    return { rejected: rejected > 0 ? rejected : 0, message: partialSuccess?.errorMessage ?? '' };
  } catch {
    return { rejected: 0, message: '' };
  }
}

/** `fetch` wraps the reason, and an address with two families wraps it twice. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return 'it took too long';
  const { cause } = error;
  if (cause instanceof AggregateError && cause.errors.length > 0) return reasonOf(cause.errors[0]);
  return cause instanceof Error ? reasonOf(cause) : error.message;
}
