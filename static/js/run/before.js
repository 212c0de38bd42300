/** What came before a fork: the points of the runs that it goes on from, up to the step where it left them. */
import { get } from '../api.js';
import { Series } from '../charts/series.js';
import { seriesKey } from './run_data.js';

/** Forks of forks that are followed back at most. */
const MOST_RUNS = 16;
/** Points of a series that are read of each of them. */
const POINTS = 2000;
const TOGETHER = 200_000;

/** @typedef {{name: string, arm: string | null, unit: string, steps: number[], values: any[], times: any[], downsampled: boolean}} PartOfSeries */
/** A run that a fork goes on from, and its steps that come before. @typedef {{at: string, run: import('../types.js').Run, from: number, to: number}} Part */

export class Before {
  /** @param {import('./run_data.js').RunData} fork */
  constructor(fork) {
    this.fork = fork;
    /** The runs, the oldest first. @type {Part[]} */
    this.parts = [];
    /** By name and arm. @type {Map<string, Series>} */
    this.series = new Map();
  }

  /** The run that the fork goes on from; `null` where it is gone, or cannot be seen here. @returns {import('../types.js').Run | null} */
  get parent() {
    return this.parts[this.parts.length - 1]?.run ?? null;
  }

  /** Reads the runs before; what is gone, or not part of a share, is left out. @param {import('../types.js').Run} fork */
  async read(fork) {
    const { base, anonymous } = this.fork.source;
    /** @type {PartOfSeries[][]} */
    const read = [];
    /** @type {{forked_from: string | null, forked_step: number | null}} */
    let child = fork;
    while (child.forked_from && this.parts.length < MOST_RUNS) {
      const at = base.replace(/[^/]+$/, child.forked_from);
      const to = child.forked_step ?? 0;
      const query = new URLSearchParams({ points: String(POINTS), total_points: String(TOGETHER), to_step: String(to) });
      try {
        const [run, metrics] = await Promise.all([get(at, { anonymous }), get(`${at}/metrics?${query}`, { anonymous })]);
        this.parts.unshift({ at, run, from: (run.forked_step ?? -1) + 1, to });
        read.unshift(metrics.series);
        child = run;
      } catch {
        break;
      }
    }
    for (const part of joined(read)) {
      const series = new Series(part.name, part.arm, part.unit);
      part.steps.forEach((step, i) => series.append(step, part.values[i], part.times[i]));
      series.isThinned = part.downsampled;
      this.series.set(seriesKey(part.name, part.arm), series);
    }
  }

  /** What a run would answer, of all runs before. @param {URLSearchParams} query @param {AbortSignal} signal @returns {Promise<{series: PartOfSeries[]}>} */
  async readMetrics(query, signal) {
    const { anonymous } = this.fork.source;
    const [first, last] = [Number(query.get('from_step') ?? 0), Number(query.get('to_step') ?? Infinity)];
    const inside = this.parts.filter(({ from, to }) => from <= last && to >= first);
    const answers = inside.map(({ at, from, to }) => {
      const own = new URLSearchParams(query);
      own.set('from_step', String(Math.max(from, first)));
      own.set('to_step', String(Math.min(to, last)));
      return get(`${at}/metrics?${own}`, { anonymous, signal });
    });
    return { series: joined((await Promise.all(answers)).map((answer) => answer.series)) };
  }

  /** @param {string} name @param {string | null} arm */
  findSeries(name, arm) {
    return this.series.get(seriesKey(name, arm));
  }

  /** @param {...import('./run_data.js').Topic} topics */
  tell(...topics) {
    this.fork.tell(...topics);
  }
}

/** The series of runs that follow each other, end to end. @param {PartOfSeries[][]} parts @returns {PartOfSeries[]} */
function joined(parts) {
  /** @type {Map<string, PartOfSeries>} */
  const whole = new Map();
  for (const one of parts.flat()) {
    const key = seriesKey(one.name, one.arm);
    const before = whole.get(key);
    if (!before) whole.set(key, one);
    else {
      const { steps, values, times } = before;
      const downsampled = before.downsampled || one.downsampled;
      whole.set(key, { ...before, steps: steps.concat(one.steps), values: values.concat(one.values), times: times.concat(one.times), downsampled });
    }
  }
  return [...whole.values()];
}
