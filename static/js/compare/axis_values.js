/** What scatter and parallel coordinates can have on an axis: config fields, seeds and results, each as numbers or as words. */
import { formatConfig, formatValue, toNumber } from '../format.js';
import { configAt } from './grouping.js';

/** @typedef {import('../types.js').Run} Run */
/**
 * @typedef {object} Axis
 * @property {string} name as the address has it: `config.FIELD`, `seed` or `summary.NAME`
 * @property {string} title
 * @property {string[] | null} words the values in order, where they are no numbers
 * @property {(run: Run) => number} at where a run lies; NaN where it has no such value. Words lie at 0, 1, 2, …
 * @property {(value: number) => string} show
 */

/** @param {string} name @param {Run[]} runs @returns {Axis} */
export function axisOf(name, runs) {
  const title = name.slice(name.indexOf('.') + 1);
  if (name === 'seed') return { name, title: 'seed', words: null, at: (run) => run.seed, show: String };
  if (name.startsWith('summary.')) {
    return { name, title, words: null, at: (run) => (title in (run.summary ?? {}) ? toNumber(run.summary[title]) : NaN), show: (value) => formatValue(value, title) };
  }
  const values = runs.map((run) => configAt(run, title)).filter((value) => value !== undefined && value !== null);
  if (values.every((value) => typeof value === 'number')) {
    return { name, title, words: null, at: (run) => { const value = configAt(run, title); return typeof value === 'number' ? value : NaN; }, show: (value) => formatValue(value) };
  }
  const words = [...new Set(values.map(formatConfig))].sort();
  return { name, title, words, at: (run) => { const value = configAt(run, title); return value === undefined || value === null ? NaN : words.indexOf(formatConfig(value)); }, show: (value) => words[Math.round(value)] ?? '' };
}

/** Everything that differs between the runs and so is worth an axis. @param {Run[]} runs @param {string[]} differing @returns {string[]} */
export function axisNames(runs, differing) {
  const seeds = runs.some((run) => run.seed !== runs[0].seed) ? ['seed'] : [];
  const results = [...new Set(runs.flatMap((run) => Object.keys(run.summary ?? {})))].sort();
  return [...differing.map((name) => `config.${name}`), ...seeds, ...results.map((name) => `summary.${name}`)];
}

/** The least and greatest finite value, a little apart where they are the same. @param {number[]} values @returns {[number, number] | null} */
export function rangeOf(values) {
  const finite = values.filter(Number.isFinite);
  if (finite.length === 0) return null;
  const [low, high] = [Math.min(...finite), Math.max(...finite)];
  const room = high > low ? 0 : Math.abs(low) * 0.05 || 0.5;
  return [low - room, high + room];
}
