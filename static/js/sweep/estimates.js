/** Summary numbers over seeds as people read them: mean ± half the width of the 95% interval. */
import { formatExact, formatSigned, formatValue } from '../format.js';
import { splitSummary } from '../run/results.js';

/** Half the width of the interval; `null` where there is none. @param {import('../types.js').Estimate} estimate */
export const halfWidth = ({ interval }) => (interval ? (interval.high - interval.low) / 2 : null);

/** @param {string} name summary name @param {import('../types.js').Estimate} estimate */
export function estimateText(name, estimate) {
  const { metric, other } = splitSummary(name);
  const mean = (other ? formatSigned : formatValue)(estimate.mean, metric);
  const half = halfWidth(estimate);
  return half === null ? mean : `${mean} ± ${formatValue(half, metric)}`;
}

/** All digits and how many runs, for titles. @param {string} name @param {import('../types.js').Estimate} estimate */
export function estimateTitle(name, { n, mean, standard_deviation: deviation, interval }) {
  const runs = n === 1 ? '1 run' : `${n} runs`;
  const parts = [`${name}: mean ${formatExact(mean)} over ${runs}`];
  if (deviation !== null) parts.push(`standard deviation ${formatExact(deviation)}`);
  if (interval) parts.push(`95% interval ${interval.low} to ${interval.high}`);
  else parts.push(n === 1 ? 'one run has no interval' : 'no interval: a value is not finite');
  return parts.join('\n');
}

/** The values of a cell in words, as `sparsity 0.5, groups 4`. @param {Record<string, any>} values @param {(value: any) => string} show */
export const cellName = (values, show) => Object.entries(values).map(([field, value]) => `${field} ${show(value)}`).join(', ');
