/** Means over runs with their 95% t-interval. */
import { Series } from './series.js';

/** Two-sided 95% quantiles of Student's t for 1 to 30 degrees of freedom. Source: any table of the distribution. */
const T_95 = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131, 2.12, 2.11, 2.101, 2.093, 2.086, 2.08, 2.074,
  2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042,
];

/**
 * The two-sided 95% quantile for more degrees of freedom than the table has, by its expansion around the normal one: right to 5 digits.
 * Source: Abramowitz and Stegun, Handbook of Mathematical Functions (1964), 26.7.5.
 * @param {number} freedom above 30
 */
function wideQuantile(freedom) {
  const z = 1.959964;
  return z + (z ** 3 + z) / (4 * freedom) + (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * freedom ** 2);
}

/**
 * Mean, standard deviation (n − 1) and half the 95% interval of the mean; both `NaN` for one value.
 * @param {number[]} values @returns {{n: number, mean: number, deviation: number, half: number}}
 */
export function meanOf(values) {
  const n = values.length;
  // Around the first value, so that equal values have exactly their value as mean and no spread.
  const first = Number.isFinite(values[0]) ? values[0] : 0;
  const mean = first + values.reduce((sum, value) => sum + (value - first), 0) / n;
  if (n < 2) return { n, mean, deviation: NaN, half: NaN };
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1));
  const quantile = T_95[n - 2] ?? wideQuantile(n - 1);
  return { n, mean, deviation, half: (quantile * deviation) / Math.sqrt(n) };
}

/** Steps of a mean at most: more than a chart has pixels. */
const MOST_STEPS = 1500;

/** The steps at which the mean of runs is taken: theirs, where all of them have begun and none has ended. @param {Series[]} runs @returns {number[]} */
function commonSteps(runs) {
  const start = Math.max(...runs.map((run) => run.steps[0] ?? Infinity));
  const end = Math.min(...runs.map((run) => run.lastStep));
  const first = runs[0].steps;
  const same = runs.every((run) => run.steps.length === first.length && run.steps[1] === first[1] && run.lastStep === runs[0].lastStep);
  // Runs of one config have the same steps; only then is the union of all not looked for.
  const all = same && runs.every((run) => run.steps.every((step, i) => step === first[i])) ? first : [...new Set(runs.flatMap((run) => run.steps))].sort((a, b) => a - b);
  const within = all.filter((step) => step >= start && step <= end);
  if (within.length <= MOST_STEPS) return within;
  return Array.from({ length: MOST_STEPS }, (_, i) => within[Math.round((i * (within.length - 1)) / (MOST_STEPS - 1))]);
}

/**
 * One line from the same metric of several runs: the mean at every step that all of them have reached.
 * @param {Series[]} runs @returns {{series: Series, band: {low: number[], high: number[]} | undefined}}
 */
export function acrossRuns(runs) {
  const series = new Series(runs[0].name, runs[0].arm, runs[0].unit);
  const band = { low: /** @type {number[]} */ ([]), high: /** @type {number[]} */ ([]) };
  // Where each run is: steps ascend, so that none is looked for twice.
  const places = runs.map(() => 0);
  const values = runs.map(() => 0);
  for (const step of commonSteps(runs)) {
    runs.forEach((run, index) => {
      while (run.steps[places[index] + 1] <= step) places[index] += 1;
      values[index] = run.values[places[index]];
    });
    const { mean, half } = meanOf(values);
    series.append(step, mean);
    band.low.push(mean - half);
    band.high.push(mean + half);
  }
  return { series, band: runs.length > 1 ? band : undefined };
}
