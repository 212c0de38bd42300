/** The runs that are compared and the curves of one metric of them, each read in one answer. */
import { get, getCard } from '../api.js';
import { Series } from '../charts/series.js';
import { labRuns } from '../live_runs.js';

/** Runs compared at most. */
export const MOST_RUNS = 200;
/** Points drawn at most, all curves together. */
const MOST_POINTS = 400_000;
/** Points of one curve: enough for every pixel. */
const POINTS = 1000;

/** @typedef {import('../types.js').Run} Run */
/** @typedef {{runs: Run[], cards: import('../types.js').Card[], left: number}} Compared `left` runs match and are left out */
/**
 * Where the curves of the runs are read and their news come from, and where the page of a run is.
 * @typedef {{curves: string, anonymous: boolean, news: import('../live_runs.js').ManyRuns, pageOf: (run: Run) => string}} Source
 */

/** The runs of this lab. @type {Source} */
export const LAB = { curves: '/api/v1/runs/curves', anonymous: false, news: labRuns, pageOf: (run) => `/runs/${run.id}` };

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

/**
 * The series of one metric, by run.
 * @param {Run[]} runs @param {string} metric @param {number} arms how many a run has @param {Source} source
 * @returns {Promise<Map<string, {lastSeq: number, series: Series[]}>>} `lastSeq` is the last event that is in the series of a run
 */
export async function readCurves(runs, metric, arms, source) {
  const points = Math.max(50, Math.min(POINTS, Math.floor(MOST_POINTS / (runs.length * Math.max(1, arms)))));
  const query = new URLSearchParams({ runs: runs.map((run) => run.id).join(','), names: metric, points: String(points), times: 'false' });
  const { items } = await get(`${source.curves}?${query}`, { anonymous: source.anonymous });
  const seriesOf = (one) => {
    const series = new Series(one.name, one.arm, one.unit);
    one.steps.forEach((step, index) => series.append(step, one.values[index]));
    return series;
  };
  return new Map(items.map((item) => [item.run, { lastSeq: item.last_seq, series: item.series.map(seriesOf) }]));
}
