/** Most error codes that are told apart: a device of somebody's own may make one up for each block. */
const ERROR_TYPES_MAX = 32;
/** What OpenTelemetry calls an `error.type` that is none of those known. */
const OTHER = '_OTHER';

/** Numbers by name, which only rise. */
export class Counted {
  readonly #counts = new Map<string, number>();

  add(name: string, by = 1): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + by);
  }

  entries(): Iterable<readonly [name: string, count: number]> {
    return this.#counts;
  }
}

/** Error codes as values of `error.type`: as many as a metric can bear, and one for the rest. */
export class ErrorTypes {
  readonly #known = new Set<string>();

  of(code: string): string {
    if (this.#known.has(code)) return code;
    if (this.#known.size >= ERROR_TYPES_MAX) return OTHER;
    this.#known.add(code);
    return code;
  }
}
