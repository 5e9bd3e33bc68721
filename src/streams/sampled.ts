const SAMPLED = 1;

/** Of W3C trace flags, or of what has them: somebody keeps the trace, so that spans in it lead anywhere. */
export function isSampled({ flags }: { readonly flags: number }): boolean {
  return (flags & SAMPLED) !== 0;
}
