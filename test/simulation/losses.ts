/** What a loss of power may leave of pieces that were written in order and not synced: which of them are kept. */

/** Up to so many pieces every subset is tried: 64 of six. */
const SUBSETS_MAX = 6;

/**
 * Every subset of a few pieces. Of more: none, all, each prefix, each group alone and all but that, where a group are the
 * pieces of one write. `groups` has the number of the group of each piece, in order.
 */
export function lossesOf(groups: readonly number[]): boolean[][] {
  if (groups.length <= SUBSETS_MAX) {
    return Array.from({ length: 2 ** groups.length }, (_, subset) => groups.map((_, at) => ((subset >> at) & 1) === 1));
  }
  const prefixes = [...groups.keys(), groups.length].map((end) => groups.map((_, at) => at < end));
  const singles = [...new Set(groups)].flatMap((group) => [
    groups.map((of) => of === group),
    groups.map((of) => of !== group),
  ]);
  return [...prefixes, ...singles];
}
