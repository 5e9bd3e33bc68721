/** The warnings that the process emits while something is done. They are shown all the same. */
export async function warningsOf(work: () => Promise<void>): Promise<Error[]> {
  const warnings: Error[] = [];
  const note = (warning: Error) => {
    warnings.push(warning);
  };
  process.on('warning', note);
  try {
    await work();
    // Node emits a warning in the next tick.
    await new Promise((resolve) => setImmediate(resolve));
  } finally {
    process.removeListener('warning', note);
  }
  return warnings;
}
