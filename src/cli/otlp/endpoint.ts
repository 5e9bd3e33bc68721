/** Where spans are sent to: what the command line says, else the environment as OpenTelemetry's SDKs read it. */
import { connect } from 'node:net';
import { usage } from '../journal/arguments.js';

export interface OtlpEndpoint {
  /** Of the traces: ends in `/v1/traces` unless the environment names another place for them. */
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** How long to wait for an answer, milliseconds. */
  readonly timeoutMs: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

const TRACES_PATH = '/v1/traces';
/** Where a collector listens unless it is told otherwise. */
const DEFAULT_BASE = 'http://localhost:4318';
const TIMEOUT_MS_DEFAULT = 10_000;
const PROBE_MS_MAX = 250;
const OTLP_PORT = '4318';
const JAEGER_PORT = '16686';

/** For `--otlp URL`. Throws UsageError for what is no address. */
export function endpointAt(value: string, env: Environment = process.env): OtlpEndpoint {
  return { url: tracesUrl('--otlp', value), ...transportFrom(env) };
}

/** What the environment names, or null. Throws UsageError for what is no address. */
export function endpointFrom(env: Environment = process.env): OtlpEndpoint | null {
  const traces = textOf(env, 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT');
  if (traces !== undefined)
    return { url: addressOf('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', traces), ...transportFrom(env) };
  const base = textOf(env, 'OTEL_EXPORTER_OTLP_ENDPOINT');
  return base === undefined ? null : { url: tracesUrl('OTEL_EXPORTER_OTLP_ENDPOINT', base), ...transportFrom(env) };
}

/** The usual place on this machine. */
export function defaultEndpoint(env: Environment = process.env): OtlpEndpoint {
  return { url: tracesUrl('', DEFAULT_BASE), ...transportFrom(env) };
}

/** The environment wants no spans to leave. */
export function isSilenced(env: Environment = process.env): boolean {
  return env['OTEL_SDK_DISABLED']?.toLowerCase() === 'true' || env['OTEL_TRACES_EXPORTER']?.toLowerCase() === 'none';
}

/** Whether anything listens there. Known at once on this machine; another may take a quarter of a second. */
export function isListening({ url }: OtlpEndpoint): Promise<boolean> {
  const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
  return new Promise((resolve) => {
    const socket = connect({ host: url.hostname.replace(/^\[|\]$/g, ''), port });
    const answer = (listening: boolean) => {
      socket.destroy();
      resolve(listening);
    };
    socket.setTimeout(PROBE_MS_MAX, () => answer(false));
    socket.once('connect', () => answer(true)).once('error', () => answer(false));
  });
}

/** Where Jaeger shows a trace that was sent to its usual port; null where it does not answer. */
export async function jaegerLink({ url }: OtlpEndpoint, traceId: string): Promise<string | null> {
  if (url.port !== OTLP_PORT) return null;
  const ui = new URL(`http://${url.hostname}:${JAEGER_PORT}`);
  return (await isListening({ url: ui, headers: {}, timeoutMs: 0 })) ? `${ui.origin}/trace/${traceId}` : null;
}

function transportFrom(env: Environment): Pick<OtlpEndpoint, 'headers' | 'timeoutMs'> {
  const timeout = Number(textOf(env, 'OTEL_EXPORTER_OTLP_TRACES_TIMEOUT') ?? textOf(env, 'OTEL_EXPORTER_OTLP_TIMEOUT'));
  const headers = {
    ...headersFrom(textOf(env, 'OTEL_EXPORTER_OTLP_HEADERS')),
    ...headersFrom(textOf(env, 'OTEL_EXPORTER_OTLP_TRACES_HEADERS')),
  };
  return { headers, timeoutMs: timeout > 0 ? timeout : TIMEOUT_MS_DEFAULT };
}

/** `name=value,name=value`, with values as in a URL. What cannot be read so is left out, as the SDKs do. */
function headersFrom(text: string | undefined): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const pair of text?.split(',') ?? []) {
    const at = pair.indexOf('=');
    const name = pair.slice(0, at).trim();
    if (at < 1 || !/^[\w!#$%&'*+.^`|~-]+$/.test(name)) continue;
    headers[name] = decoded(pair.slice(at + 1).trim());
  }
  return headers;
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

function textOf(env: Environment, name: string): string | undefined {
  const value = env[name]?.trim();
  return value === '' ? undefined : value;
}

function tracesUrl(option: string, value: string): URL {
  const url = addressOf(option, value);
  if (!url.pathname.endsWith(TRACES_PATH)) url.pathname = `${url.pathname.replace(/\/+$/, '')}${TRACES_PATH}`;
  return url;
}

function addressOf(option: string, value: string): URL {
  const url = URL.canParse(value) ? new URL(value) : null;
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url;
  throw usage(`${option} takes an address such as ${DEFAULT_BASE}, not '${value}'`);
}
