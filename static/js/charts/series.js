/** The points of one metric of one arm, kept in bounded memory while a run goes on. */
import { toNumber } from '../format.js';

/** Beyond this many points a series is thinned to half; extremes stay. */
const MOST_POINTS = 12000;

/**
 * Keeps the first, last, lowest, highest and every first non-finite point of each bucket, in order, so that no spike vanishes.
 * @param {number[]} steps ascending @param {number[]} values same length @param {number} buckets
 * @returns {{steps: number[], values: number[]}} at most about five points a bucket
 */
export function reduce(steps, values, buckets) {
  const count = steps.length;
  const out = { steps: /** @type {number[]} */ ([]), values: /** @type {number[]} */ ([]) };
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
    }
  }
  return out;
}

export class Series {
  /** @param {string} name @param {string | null} arm @param {string} [unit] */
  constructor(name, arm, unit = '') {
    this.name = name;
    this.arm = arm;
    this.unit = unit;
    /** @type {number[]} */
    this.steps = [];
    /** @type {number[]} */
    this.values = [];
    /** The step of the first value that is not finite; `null` while all are. @type {number | null} */
    this.firstOdd = null;
    /** Counts changes, so that a drawing knows whether it is old. */
    this.version = 0;
  }

  /** Adds a point; one at or before the last step is a repeat and is dropped. @param {number} step @param {any} wire */
  append(step, wire) {
    if (this.steps.length > 0 && step <= this.steps[this.steps.length - 1]) return;
    const value = toNumber(wire);
    if (!Number.isFinite(value) && this.firstOdd === null) this.firstOdd = step;
    this.steps.push(step);
    this.values.push(value);
    this.version += 1;
    if (this.steps.length > MOST_POINTS) {
      const thin = reduce(this.steps, this.values, MOST_POINTS / 8);
      this.steps = thin.steps;
      this.values = thin.values;
    }
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
    let low = 0;
    let high = this.steps.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.steps[middle] <= step) low = middle + 1;
      else high = middle;
    }
    return this.values[low - 1];
  }
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
