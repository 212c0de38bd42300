/** Means over runs with their 95% t-interval. */
import { Series } from './series.js';

/** Two-sided 95% quantiles of Student's t for 1 to 30 degrees of freedom. Source: any table of the distribution. */
const T_95 = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131, 2.12, 2.11, 2.101, 2.093, 2.086, 2.08, 2.074,
  2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042,
];

/**
 * Mean, standard deviation (n − 1) and half the 95% interval of the mean; both `NaN` for one value.
 * @param {number[]} values @returns {{n: number, mean: number, deviation: number, half: number}}
 */
export function meanOf(values) {
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  if (n < 2) return { n, mean, deviation: NaN, half: NaN };
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1));
  const quantile = T_95[n - 2] ?? 1.96;
  return { n, mean, deviation, half: (quantile * deviation) / Math.sqrt(n) };
}

/**
 * One line from the same metric of several runs: the mean at every step that all of them have reached.
 * @param {Series[]} runs @returns {{series: Series, band: {low: number[], high: number[]} | undefined}}
 */
export function acrossRuns(runs) {
  const series = new Series(runs[0].name, runs[0].arm, runs[0].unit);
  const band = { low: /** @type {number[]} */ ([]), high: /** @type {number[]} */ ([]) };
  const end = Math.min(...runs.map((run) => run.lastStep));
  const steps = [...new Set(runs.flatMap((run) => run.steps))].sort((a, b) => a - b);
  for (const step of steps) {
    const values = runs.map((run) => run.valueAt(step)).filter((value) => value !== undefined);
    if (step > end || values.length < runs.length) continue;
    const { mean, half } = meanOf(values);
    series.append(step, mean);
    band.low.push(mean - half);
    band.high.push(mean + half);
  }
  return { series, band: runs.length > 1 ? band : undefined };
}
