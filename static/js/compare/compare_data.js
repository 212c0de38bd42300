/** The runs that are compared and the curves of one metric of them, each read in one answer. */
import { get, getCard } from '../api.js';
import { Series } from '../charts/series.js';

/** Runs compared at most. */
export const MOST_RUNS = 200;
/** Points drawn at most, all curves together. */
const MOST_POINTS = 400_000;
/** Points of one curve: enough for every pixel. */
const POINTS = 1000;

/** @typedef {import('../types.js').Run} Run */
/** @typedef {{runs: Run[], cards: import('../types.js').Card[], left: number}} Compared `left` runs match and are left out */

/** @param {string[]} ids @param {string} filter @returns {Promise<Compared>} */
export async function readRuns(ids, filter) {
  const query = new URLSearchParams({ limit: String(MOST_RUNS), count: 'true' });
  if (ids.length > 0) {
    query.set('ids', ids.slice(0, MOST_RUNS).join(','));
    query.set('archived', 'all');
  } else query.set('filter', filter);
  const page = await get(`/api/v1/runs?${query}`);
  // In the order that was chosen.
  const runs = ids.length > 0 ? ids.flatMap((id) => page.items.find((run) => run.id === id) ?? []) : page.items;
  const experiments = [...new Set(runs.map((run) => run.experiment))];
  const cards = await Promise.all(experiments.map((id) => getCard(id).catch(() => null)));
  return { runs, cards: cards.filter((card) => card !== null), left: Math.max(ids.length, page.total) - runs.length };
}

/** The series of one metric, by run. @param {Run[]} runs @param {string} metric @param {number} arms how many a run has @returns {Promise<Map<string, Series[]>>} */
export async function readCurves(runs, metric, arms) {
  const points = Math.max(50, Math.min(POINTS, Math.floor(MOST_POINTS / (runs.length * Math.max(1, arms)))));
  const query = new URLSearchParams({ runs: runs.map((run) => run.id).join(','), names: metric, points: String(points), times: 'false' });
  const { items } = await get(`/api/v1/runs/curves?${query}`);
  return new Map(items.map((item) => [item.run, item.series.map((one) => {
    const series = new Series(one.name, one.arm, one.unit);
    one.steps.forEach((step, index) => series.append(step, one.values[index]));
    return series;
  })]));
}
