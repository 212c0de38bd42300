/** Parts of an axis, moved and stretched; on a logarithmic one by ratios. */

/** @typedef {[number, number]} Range */

/** Places on a logarithmic axis are equally far apart for equal ratios: there and back again. */
export const forth = (/** @type {number} */ value, /** @type {boolean} */ log) => (log ? Math.log(value) : value);
export const back = (/** @type {number} */ value, /** @type {boolean} */ log) => (log ? Math.exp(value) : value);

/** The range moved by `part` of its length. @param {Range} range @param {number} part @param {boolean} log @returns {Range} */
export function panned([low, high], part, log) {
  const [from, to] = [forth(low, log), forth(high, log)];
  const by = (to - from) * part;
  return [back(from + by, log), back(to + by, log)];
}

/** The range made shorter or longer around its middle. @param {Range} range @param {number} times @param {boolean} log @returns {Range} */
export function zoomed([low, high], times, log) {
  const [from, to] = [forth(low, log), forth(high, log)];
  const [middle, half] = [(from + to) / 2, ((to - from) / 2) * times];
  return [back(middle - half, log), back(middle + half, log)];
}

/** The range moved back so far that it does not leave the whole. @param {Range} range @param {Range} whole @param {boolean} log @returns {Range} */
export function keptInside(range, whole, log) {
  const [from, to] = range.map((value) => forth(value, log));
  const [first, last] = whole.map((value) => forth(value, log));
  const by = from < first ? first - from : to > last ? Math.max(last - to, first - from) : 0;
  return by === 0 ? range : [back(from + by, log), back(to + by, log)];
}

/** Places closer than this part of the axis say nothing of how far to zoom. */
const LEAST_APART = 0.02;

/**
 * The range in which two places lie at other parts of the axis than now.
 * @param {Range} range @param {[number, number]} parts where two places are, 0 to 1 @param {[number, number]} wanted where they are to be
 * @param {boolean} log @returns {Range | null} `null` where the places are too close to each other, or have changed sides
 */
export function stretched([low, high], parts, wanted, log) {
  const apart = wanted[1] - wanted[0];
  if (Math.abs(apart) < LEAST_APART || Math.abs(parts[1] - parts[0]) < LEAST_APART || apart * (parts[1] - parts[0]) < 0) return null;
  const [from, to] = [forth(low, log), forth(high, log)];
  const [first, second] = parts.map((part) => from + part * (to - from));
  const length = (second - first) / apart;
  const start = first - wanted[0] * length;
  return [back(start, log), back(start + length, log)];
}
