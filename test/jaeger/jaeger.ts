/** A real Jaeger for tests, and its query API. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { packageRoot } from '../../src/cli/package-files.js';
import { type ReceivedSpan, spansIn } from '../telemetry/otlp/strict.js';

export interface Endpoints {
  readonly otlp: string;
  readonly query: string;
}

const TRACES_MAX = 10_000;

export class Jaeger {
  readonly #child: ChildProcess;
  readonly #endpoints: Endpoints;

  private constructor(child: ChildProcess, endpoints: Endpoints) {
    this.#child = child;
    this.#endpoints = endpoints;
  }

  /** Builds it first where there is none, which takes minutes; what it says of that is shown. */
  static async started(): Promise<Jaeger> {
    const script = path.join(packageRoot(), 'scripts', 'jaeger');
    const stdio = ['pipe', 'pipe', 'inherit'] as const;
    const child = spawn(script, ['--free-ports', '--json', '--with-stdin'], { stdio: [...stdio] });
    const lines = createInterface({ input: child.stdout });
    const first = await Promise.race([once(lines, 'line'), once(child, 'exit').then(() => null)]);
    if (first === null) throw new Error('there is no Jaeger: see above');
    return new Jaeger(child, JSON.parse(String(first[0])) as Endpoints);
  }

  get otlp(): string {
    return this.#endpoints.otlp;
  }

  get query(): string {
    return this.#endpoints.query;
  }

  async stop(): Promise<void> {
    const exit = once(this.#child, 'exit');
    this.#child.stdin?.end();
    await exit;
  }

  /** The spans of a trace; none for one that it does not know. */
  async trace(traceId: string): Promise<ReceivedSpan[]> {
    return await this.#spans(`/api/v3/traces/${traceId}`);
  }

  /** All spans of a service. Older versions have parameters in snake case, newer ones in camel case. */
  async search(service: string): Promise<ReceivedSpan[]> {
    const [from, to] = ['2020-01-01T00:00:00.000000000Z', '2100-01-01T00:00:00.000000000Z'];
    const parameters = new URLSearchParams({
      'query.service_name': service,
      'query.serviceName': service,
      'query.start_time_min': from,
      'query.startTimeMin': from,
      'query.start_time_max': to,
      'query.startTimeMax': to,
      'query.num_traces': String(TRACES_MAX),
      'query.search_depth': String(TRACES_MAX),
      'query.searchDepth': String(TRACES_MAX),
    });
    return await this.#spans(`/api/v3/traces?${parameters}`);
  }

  async #spans(address: string): Promise<ReceivedSpan[]> {
    const response = await fetch(this.query + address);
    if (response.status === 404) return [];
    const body = (await response.json()) as { readonly result?: unknown };
    if (!response.ok) throw new Error(`${address}: ${response.status} ${JSON.stringify(body)}`);
    const findings: string[] = [];
    const spans = spansIn(body.result, findings);
    if (findings.length > 0) throw new Error(findings.slice(0, 5).join('\n'));
    return spans;
  }
}
