/** What came before a fork: the points of the runs that it goes on from, up to the step where it left them. */
import { get } from '../api.js';
import { Series } from '../charts/series.js';
import { seriesKey } from './run_data.js';

/** Forks of forks that are followed back at most. */
const MOST_RUNS = 16;
/** Points of a series that are read of each of them. */
const POINTS = 2000;
const TOGETHER = 200_000;

/**
 * @typedef {object} Before
 * @property {import('../types.js').Run | null} parent `null` where it is gone, or cannot be seen here
 * @property {Map<string, Series>} series by name and arm
 */

/**
 * Reads what came before a fork; what is gone, or not part of a share, is left out.
 * @param {import('./run_data.js').Source} source of the fork @param {import('../types.js').Run} fork @returns {Promise<Before>}
 */
export async function readBefore({ base, anonymous }, fork) {
  /** @type {{run: import('../types.js').Run, series: any[]}[]} the nearest first */
  const parts = [];
  /** @type {{forked_from: string | null, forked_step: number | null}} */
  let child = fork;
  while (child.forked_from && parts.length < MOST_RUNS) {
    const at = base.replace(/[^/]+$/, child.forked_from);
    const query = `points=${POINTS}&total_points=${TOGETHER}&to_step=${child.forked_step}&times=false`;
    try {
      const [run, metrics] = await Promise.all([get(at, { anonymous }), get(`${at}/metrics?${query}`, { anonymous })]);
      parts.push({ run, series: metrics.series });
      child = run;
    } catch {
      break;
    }
  }
  /** @type {Map<string, Series>} */
  const series = new Map();
  for (const part of [...parts].reverse()) {
    for (const one of part.series) {
      const key = seriesKey(one.name, one.arm);
      const joined = series.get(key) ?? new Series(one.name, one.arm, one.unit);
      one.steps.forEach((step, i) => joined.append(step, one.values[i], NaN));
      series.set(key, joined);
    }
  }
  return { parent: parts[0]?.run ?? null, series };
}
