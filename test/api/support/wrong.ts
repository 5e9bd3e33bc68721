/** What a caller in JavaScript can pass, whatever the types say. The one place that breaks them. */
export function wrong<T>(value: unknown): T {
  return value as T;
}

/** A value as it stands in the source. */
export function named(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`;
  if (typeof value === 'bigint') return `${value}n`;
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value);
}
