/** What OTLP says of spans, and what must hold among them, as findings: none is what a test wants. */

export interface ReceivedLink {
  readonly traceId: string;
  readonly spanId: string;
  readonly attributes: Readonly<Record<string, unknown>>;
}

export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** '' where it begins a trace. */
  readonly parentSpanId: string;
  readonly name: string;
  readonly kind: number;
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly links: readonly ReceivedLink[];
  readonly status: { readonly code: number; readonly message: string };
  readonly resource: Readonly<Record<string, unknown>>;
  readonly scope: string;
}

const TRACE_ID = /^(?!0{32})[0-9a-f]{32}$/;
const SPAN_ID = /^(?!0{16})[0-9a-f]{16}$/;
const NANOSECONDS = /^\d{1,20}$/;
const KINDS = [1, 2, 3, 4, 5];
const STATUS_CODES = [0, 1, 2];
const LINKS_MAX = 128;

type Json = Readonly<Record<string, unknown>>;

/** The spans of one request or one line of a trace file, with what is wrong with their form. */
export function spansIn(request: unknown, findings: string[]): ReceivedSpan[] {
  const spans: ReceivedSpan[] = [];
  for (const group of listOf(request, 'resourceSpans', findings)) {
    const resource = attributesOf(objectOf(group['resource']), 'a resource', findings);
    if (typeof resource['service.name'] !== 'string') findings.push('a resource without service.name');
    for (const { scope, ...rest } of listOf(group, 'scopeSpans', findings)) {
      const name = String(objectOf(scope)['name'] ?? '');
      if (name === '') findings.push('a scope without a name');
      for (const span of listOf(rest, 'spans', findings)) spans.push(spanOf(span, resource, name, findings));
    }
  }
  return spans;
}

export interface Surroundings {
  /** Spans of callers, which somebody else sends: `traceId spanId`. */
  readonly elsewhere?: ReadonlySet<string>;
}

/** What does not hold among all spans of a run together. */
export function relationsIn(spans: readonly ReceivedSpan[], { elsewhere = new Set() }: Surroundings = {}): string[] {
  const findings: string[] = [];
  const known = new Set<string>();
  const ids = new Set<string>();
  for (const { traceId, spanId, name } of spans) {
    if (ids.has(spanId)) findings.push(`${name} ${spanId}: the same span id twice`);
    ids.add(spanId);
    known.add(`${traceId} ${spanId}`);
  }
  const exists = (traceId: string, spanId: string) =>
    known.has(`${traceId} ${spanId}`) || elsewhere.has(`${traceId} ${spanId}`);
  for (const { traceId, spanId, parentSpanId, name, links } of spans) {
    if (parentSpanId !== '' && !exists(traceId, parentSpanId)) {
      findings.push(`${name} ${spanId}: an orphan, its parent ${parentSpanId} is not in trace ${traceId}`);
    }
    for (const link of links) {
      if (exists(link.traceId, link.spanId)) continue;
      findings.push(`${name} ${spanId}: links to ${link.traceId} ${link.spanId}, which is not there`);
    }
  }
  return findings;
}

function spanOf(span: Json, resource: ReceivedSpan['resource'], scope: string, findings: string[]): ReceivedSpan {
  const name = String(span['name'] ?? '');
  const what = `${name} ${String(span['spanId'])}`;
  const finding = (problem: string) => findings.push(`${what}: ${problem}`);
  if (name === '') finding('no name');
  const traceId = idOf(span, 'traceId', TRACE_ID, finding);
  const spanId = idOf(span, 'spanId', SPAN_ID, finding);
  const parentSpanId = span['parentSpanId'] === undefined ? '' : idOf(span, 'parentSpanId', SPAN_ID, finding);
  const [startNs, endNs] = [timeOf(span, 'startTimeUnixNano', finding), timeOf(span, 'endTimeUnixNano', finding)];
  if (endNs < startNs) finding(`ends ${startNs - endNs} ns before it starts`);
  const kind = Number(span['kind'] ?? 0);
  if (!KINDS.includes(kind)) finding(`kind ${kind}`);
  for (const dropped of ['droppedAttributesCount', 'droppedEventsCount', 'droppedLinksCount']) {
    if (Number(span[dropped] ?? 0) !== 0) finding(`${dropped} is ${String(span[dropped])}`);
  }
  const status = objectOf(span['status']);
  const code = Number(status['code'] ?? 0);
  if (!STATUS_CODES.includes(code)) finding(`status code ${code}`);
  const links = linksOf(span, what, findings);
  if (links.length > LINKS_MAX) finding(`${links.length} links`);
  const attributes = attributesOf(span, what, findings);
  const message = String(status['message'] ?? '');
  return {
    traceId,
    spanId,
    parentSpanId,
    name,
    kind,
    startNs,
    endNs,
    attributes,
    links,
    resource,
    scope,
    status: { code, message },
  };
}

function linksOf(span: Json, what: string, findings: string[]): ReceivedLink[] {
  const finding = (problem: string) => findings.push(`${what}: a link: ${problem}`);
  return listOf(span, 'links', findings).map((link) => {
    if (Number(link['droppedAttributesCount'] ?? 0) !== 0) finding('attributes were dropped');
    return {
      traceId: idOf(link, 'traceId', TRACE_ID, finding),
      spanId: idOf(link, 'spanId', SPAN_ID, finding),
      attributes: attributesOf(link, `${what}: a link`, findings),
    };
  });
}

function attributesOf(holder: Json, what: string, findings: string[]): Record<string, unknown> {
  const attributes: Record<string, unknown> = {};
  for (const { key, value } of listOf(holder, 'attributes', findings)) {
    if (typeof key !== 'string' || key === '') findings.push(`${what}: an attribute without a key`);
    else if (key in attributes) findings.push(`${what}: ${key} twice`);
    else attributes[key] = heldBy(objectOf(value), `${what}: ${key}`, findings);
  }
  return attributes;
}

function heldBy(value: Json, what: string, findings: string[]): unknown {
  const [[kind, held] = ['nothing', null], ...more] = Object.entries(value);
  const wrong = (): null => {
    findings.push(`${what}: ${kind} is ${JSON.stringify(held)}`);
    return null;
  };
  if (more.length > 0) findings.push(`${what}: several values`);
  switch (kind) {
    case 'stringValue':
      return typeof held === 'string' ? held : wrong();
    case 'boolValue':
      return typeof held === 'boolean' ? held : wrong();
    case 'intValue':
      return /^-?\d+$/.test(String(held)) && Number.isSafeInteger(Number(held)) ? Number(held) : wrong();
    case 'doubleValue':
      return typeof held === 'number' && Number.isFinite(held) ? held : wrong();
    case 'arrayValue': {
      const values = listOf(objectOf(held), 'values', findings).map((one) => heldBy(one, what, findings));
      if (new Set(values.map((one) => typeof one)).size > 1) findings.push(`${what}: values of several types`);
      return values;
    }
    default:
      return wrong();
  }
}

function idOf(holder: Json, field: string, pattern: RegExp, finding: (problem: string) => void): string {
  const id = holder[field];
  if (typeof id === 'string' && pattern.test(id)) return id;
  finding(`${field} is ${JSON.stringify(id)}`);
  return '';
}

/** A number of so many digits would not survive JSON. */
function timeOf(holder: Json, field: string, finding: (problem: string) => void): bigint {
  const time = holder[field];
  if (typeof time === 'string' && NANOSECONDS.test(time) && BigInt(time) > 0n) return BigInt(time);
  finding(`${field} is ${JSON.stringify(time)}`);
  return 0n;
}

function listOf(holder: unknown, field: string, findings: string[]): Json[] {
  const list = objectOf(holder)[field] ?? [];
  if (Array.isArray(list)) return list.map(objectOf);
  findings.push(`${field} is no list`);
  return [];
}

function objectOf(value: unknown): Json {
  return typeof value === 'object' && value !== null ? (value as Json) : {};
}
