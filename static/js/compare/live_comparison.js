/** The compared runs and the curves of one metric of them, kept up to date by the events of those that go on. */
import { Series } from '../charts/series.js';
import { TERMINAL } from '../run/run_data.js';
import { readCurves } from './compare_data.js';

/** Between two drawings: the news of two hundred runs are one change, and a point is still seen within half a second. */
const GATHER_MS = 300;

/** @typedef {import('../types.js').Run} Run */

/** What an event says of the state of its run. @param {any} event @returns {Partial<Run> | null} */
function changeOf(event) {
  if (event.type === 'status') return { status: event.status, status_reason: event.reason, attempt: event.attempt };
  if (event.type === 'summary') return { summary: event.summary, claims: event.claims };
  if (event.type !== 'progress') return null;
  const { step, total, eta_seconds } = event;
  return { progress: { step, total, percent: total ? (100 * step) / total : 0, eta_seconds } };
}

export class LiveComparison {
  /** @param {Run[]} runs as they were read @param {import('./compare_data.js').Source} source */
  constructor(runs, source) {
    this.source = source;
    /** As they are now; another list after each change. */
    this.runs = runs;
    /** By run; another map after each change, `null` while they are read. @type {Map<string, Series[]> | null} */
    this.curves = null;
    /** @type {Error | null} */
    this.error = null;
    this.onChange = () => {};
    /** The last event of each run whose word on its state is in `runs`. */
    this.known = new Map(runs.map((run) => [run.id, run.last_seq]));
    /** What has changed since the last telling. @type {Map<string, Partial<Run>>} */
    this.changes = new Map();
    /** @type {Map<string, () => void>} */
    this.stops = new Map();
    this.timer = 0;
    this.asked = 0;
    this.metric = '';
  }

  /** Reads the curves of a metric and follows them. @param {string} metric @param {number} arms how many a run has */
  async show(metric, arms) {
    this.close();
    const asked = this.asked;
    this.metric = metric;
    this.curves = null;
    this.error = null;
    this.tell();
    try {
      const found = await readCurves(this.runs, metric, arms, this.source);
      if (asked !== this.asked) return;
      this.curves = new Map([...found].map(([id, { series }]) => [id, series]));
      for (const { id, status } of this.runs) {
        const read = found.get(id);
        // From where neither the curves nor the states miss anything; what either has already is passed over.
        if (read && !TERMINAL.has(status)) this.stops.set(id, this.source.news.watch(id, Math.min(read.lastSeq, this.known.get(id) ?? 0), (event) => this.take(id, event)));
      }
    } catch (error) {
      if (asked !== this.asked) return;
      this.error = error instanceof Error ? error : new Error(String(error));
    }
    this.tell();
  }

  /** @param {string} id @param {import('../types.js').RunEvent} event */
  take(id, event) {
    if (event.type === 'metrics') this.append(id, event.points);
    const change = event.seq > (this.known.get(id) ?? 0) ? changeOf(event) : null;
    this.known.set(id, Math.max(event.seq, this.known.get(id) ?? 0));
    if (change) this.changes.set(id, { ...this.changes.get(id), ...change });
    if (event.type === 'status' && TERMINAL.has(event.status)) {
      this.stops.get(id)?.();
      this.stops.delete(id);
    }
    this.timer ||= setTimeout(() => this.tell(), GATHER_MS);
  }

  /** @param {string} id @param {import('../types.js').Point[]} points repeats of what was read are passed over by the series */
  append(id, points) {
    const all = this.curves?.get(id);
    for (const { name, arm, step, value } of points) {
      if (name !== this.metric || !all) continue;
      let series = all.find((one) => one.arm === arm);
      if (!series) all.push((series = new Series(name, arm)));
      series.append(step, value);
    }
  }

  tell() {
    clearTimeout(this.timer);
    this.timer = 0;
    if (this.changes.size > 0) {
      this.runs = this.runs.map((run) => (this.changes.has(run.id) ? { ...run, ...this.changes.get(run.id) } : run));
      this.changes.clear();
    }
    if (this.curves) this.curves = new Map(this.curves);
    this.onChange();
  }

  /** Follows nothing any more; what was asked for is not waited for. */
  close() {
    this.asked += 1;
    clearTimeout(this.timer);
    this.timer = 0;
    this.stops.forEach((stop) => stop());
    this.stops.clear();
  }
}
