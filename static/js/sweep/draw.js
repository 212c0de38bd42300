/** Cells of a random search: values drawn from ranges, the same ones for the same seed. */

/**
 * What a field takes: numbers between two ends, evenly or evenly in their logarithm, or any of some options.
 * @typedef {{field: string, whole: boolean, low: number, high: number, log: boolean} | {field: string, options: any[]}} Range
 */

/** Digits of a drawn number: enough to search with, few enough to read. */
const DIGITS = 4;
/** Draws in a row that may repeat earlier cells before there are no others. */
const MOST_REPEATS = 200;

/**
 * Numbers from 0 to below 1, of 32 bits each. Source: T. Ettinger, mulberry32 (public domain).
 * @param {number} seed
 */
export function uniform(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** @param {Range} range @param {() => number} next @returns {any} */
function drawValue(range, next) {
  const part = next();
  if ('options' in range) return range.options[Math.floor(part * range.options.length)];
  const { low, high, log, whole } = range;
  if (whole && !log) return low + Math.floor(part * (high - low + 1));
  const drawn = log ? Math.exp(Math.log(low) + part * (Math.log(high) - Math.log(low))) : low + part * (high - low);
  const value = whole ? Math.round(drawn) : Number(drawn.toPrecision(DIGITS));
  return Math.min(high, Math.max(low, value));
}

/**
 * @param {Range[]} ranges @param {number} count @param {number} seed
 * @returns {Record<string, any>[]} different cells; fewer than `count` where the ranges have no more
 */
export function drawCells(ranges, count, seed) {
  const next = uniform(seed);
  const cells = [];
  const seen = new Set();
  for (let repeats = 0; cells.length < count && repeats < MOST_REPEATS; ) {
    const cell = Object.fromEntries(ranges.map((range) => [range.field, drawValue(range, next)]));
    const text = JSON.stringify(cell);
    if (seen.has(text)) {
      repeats += 1;
    } else {
      repeats = 0;
      seen.add(text);
      cells.push(cell);
    }
  }
  return cells;
}
