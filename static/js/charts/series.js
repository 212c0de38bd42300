/** The points of one metric of one arm, kept in bounded memory while a run goes on, with every point of a part that is looked at closely. */
import { toNumber } from '../format.js';

/** Beyond this many points a series is thinned to half; extremes stay. */
const MOST_POINTS = 12000;
/** A part read at full detail may grow to so many points before it is let go and read again. */
const MOST_DETAIL = 40000;

/**
 * Three lists beside each other.
 * @typedef {{steps: number[], values: number[], times: number[]}} Points
 */

/**
 * Keeps the first, last, lowest, highest and every first non-finite point of each bucket, in order, so that no spike vanishes.
 * @param {Points} points steps ascending @param {number} buckets
 * @returns {Points} at most about five points a bucket
 */
export function reduce({ steps, values, times }, buckets) {
  const count = steps.length;
  /** @type {Points} */
  const out = { steps: [], values: [], times: [] };
  for (let bucket = 0; bucket < buckets; bucket += 1) {
    const from = Math.floor((bucket * count) / buckets);
    const to = Math.floor(((bucket + 1) * count) / buckets);
    if (from === to) continue;
    let low = -1;
    let high = -1;
    let odd = -1;
    for (let i = from; i < to; i += 1) {
      if (!Number.isFinite(values[i])) {
        if (odd < 0) odd = i;
        continue;
      }
      if (low < 0 || values[i] < values[low]) low = i;
      if (high < 0 || values[i] > values[high]) high = i;
    }
    const kept = [...new Set([from, low, high, odd, to - 1])].filter((i) => i >= 0).sort((a, b) => a - b);
    for (const i of kept) {
      out.steps.push(steps[i]);
      out.values.push(values[i]);
      out.times.push(times[i]);
    }
  }
  return out;
}

/** How many of the ascending numbers lie below a number, or with `andEqual` at or below it. @param {number[]} sorted @param {number} at @param {boolean} [andEqual] */
export function countBelow(sorted, at, andEqual = false) {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < at || (andEqual && sorted[middle] === at)) low = middle + 1;
    else high = middle;
  }
  return low;
}

export class Series {
  /** @param {string} name @param {string | null} arm @param {string} [unit] */
  constructor(name, arm, unit = '') {
    this.name = name;
    this.arm = arm;
    this.unit = unit;
    /** What is drawn: the whole run, and its part in detail where there is one. @type {number[]} */
    this.steps = [];
    /** @type {number[]} */
    this.values = [];
    /** When each was made, ms since 1970. @type {number[]} */
    this.times = [];
    /** The step of the first value that is not finite; `null` while all are. @type {number | null} */
    this.firstOdd = null;
    /** Whether the run has recorded more points than are held of its whole. */
    this.isThinned = false;
    /** The part held in detail. @type {import('../run/detail.js').Detail | null} */
    this.detail = null;
    /** The points of the whole run while a part in detail lies between them. @type {Points | null} */
    this.whole = null;
    /** Counts changes, so that a drawing knows whether it is old. */
    this.version = 0;
  }

  /** Adds a point; one at or before the last step is a repeat and is dropped. @param {number} step @param {any} wire @param {number} [time] */
  append(step, wire, time = 0) {
    if (this.steps.length > 0 && step <= this.steps[this.steps.length - 1]) return;
    const value = toNumber(wire);
    if (!Number.isFinite(value) && this.firstOdd === null) this.firstOdd = step;
    push(this, step, value, time);
    if (this.whole) push(this.whole, step, value, time);
    this.version += 1;
    const whole = this.whole ?? this;
    if (whole.steps.length > MOST_POINTS) {
      Object.assign(whole, reduce(whole, MOST_POINTS / 8));
      this.isThinned = true;
    }
    if (this.whole && this.steps.length > MOST_POINTS + MOST_DETAIL) this.setDetail(null);
  }

  /**
   * Puts a part of the run in detail in place of what is held of it; `null` goes back to the whole.
   * @param {import('../run/detail.js').Detail | null} detail @param {Points} [points] those of its part
   */
  setDetail(detail, points) {
    const { steps, values, times } = this.whole ?? this;
    this.whole = detail ? { steps, values, times } : null;
    this.detail = detail;
    if (!detail || !points) {
      Object.assign(this, { steps, values, times });
    } else {
      // Points may have come since the part was read: what follows its last one is taken from the whole.
      const last = points.steps[points.steps.length - 1] ?? detail.from;
      const before = countBelow(steps, points.steps[0] ?? detail.from);
      const after = countBelow(steps, last, true);
      const joined = (/** @type {number[]} */ all, /** @type {number[]} */ part) => all.slice(0, before).concat(part, all.slice(after));
      Object.assign(this, { steps: joined(steps, points.steps), values: joined(values, points.values), times: joined(times, points.times) });
    }
    this.version += 1;
  }

  /** @returns {number} the newest step, −1 before the first point */
  get lastStep() {
    return this.steps.length > 0 ? this.steps[this.steps.length - 1] : -1;
  }

  /** @returns {number | undefined} */
  get lastValue() {
    return this.values[this.values.length - 1];
  }

  /** The value at a step or, between points, of the last point before it. @param {number} step @returns {number | undefined} */
  valueAt(step) {
    return this.values[countBelow(this.steps, step, true) - 1];
  }
}

/** @param {Points} points @param {number} step @param {number} value @param {number} time */
function push({ steps, values, times }, step, value, time) {
  steps.push(step);
  values.push(value);
  times.push(time);
}

/** The weight of the past is meant per this part of the run, so that series with few points and with many are smoothed alike. */
const SMOOTHING_PARTS = 200;

/**
 * Exponential moving average over steps, normalised at its start; what is not finite is passed through.
 * @param {number[]} steps @param {number[]} values @param {number} weight of the past, 0 (none) to below 1
 * @param {number | null} total steps of the run, once known @returns {number[]}
 */
export function smooth(steps, values, weight, total) {
  const part = Math.max(total ?? 0, (steps[steps.length - 1] ?? 0) - (steps[0] ?? 0), 1) / SMOOTHING_PARTS;
  let sum = 0;
  let mass = 0;
  let last = steps[0];
  return values.map((value, i) => {
    if (!Number.isFinite(value)) return value;
    const kept = weight ** ((steps[i] - last) / part);
    last = steps[i];
    sum = kept * sum + value;
    mass = kept * mass + 1;
    return sum / mass;
  });
}
