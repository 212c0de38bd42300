/** Everything known of one run: read once, then kept up to date by its events; changes are told once per drawn frame. */
import { get, getAll } from '../api.js';
import { Series } from '../charts/series.js';
import { followRun } from '../live.js';
import { Before } from './before.js';

/** Log lines kept; the whole log is an artifact of the API, not of this page. */
const MOST_LINES = 2000;
export const TERMINAL = new Set(['succeeded', 'failed', 'cancelled']);
/** Points of a series that the page opens with, and of all series together. */
const FIRST_POINTS = 2000;
const FIRST_TOGETHER = 200_000;
/** Progress events that the speed is taken over. */
const PACE_EVENTS = 10;

/** @typedef {'run' | 'series' | 'points' | 'frames' | 'logs' | 'live'} Topic */
/** @typedef {{base: string, anonymous: boolean, isGone?: () => Promise<boolean>}} Source where a run is read: its own address or a share's */

/** @param {string} name @param {string | null} arm */
export const seriesKey = (name, arm) => `${name}\n${arm ?? ''}`;

export class RunData {
  /** @param {Source} source */
  constructor(source) {
    this.source = source;
    /** @type {import('../types.js').Run | null} */
    this.run = null;
    /** @type {Map<string, Series>} */
    this.series = new Map();
    /** The same by metric, each in the order of arrival. @type {Map<string, Series[]>} */
    this.seriesOf = new Map();
    /** The newest step of a point or frame, and the time of the first point. */
    this.newestStep = 0;
    this.firstTime = Infinity;
    /** Of a fork, once it is read: what came before. @type {import('./before.js').Before | null} */
    this.before = null;
    /** Frames by name, then by arm, by step. @type {Map<string, Map<string | null, import('../types.js').FrameRef[]>>} */
    this.frames = new Map();
    /** @type {import('../types.js').LogLine[]} */
    this.logs = [];
    /** Whether the frames made before the page was opened are all here. */
    this.framesAreRead = false;
    this.lastFrameSeq = 0;
    this.lastLogSeq = 0;
    /** @type {import('../live.js').LiveState} */
    this.live = { state: 'connecting', since: new Date() };
    /** Steps and times of the last progress events, for the speed. @type {{step: number, at: number}[]} */
    this.pace = [];
    /** @type {Map<Topic, Set<() => void>>} */
    this.watchers = new Map();
    /** @type {Set<Topic>} */
    this.changed = new Set();
    this.frame = 0;
    this.stopFollowing = () => {};
    this.closed = false;
  }

  /** Reads the run, its points, frames and log, and follows it from there. Throws what the API answers. */
  async open() {
    const { base, anonymous } = this.source;
    const options = { anonymous };
    const [run, metrics] = await Promise.all([get(base, options), get(`${base}/metrics?points=${FIRST_POINTS}&total_points=${FIRST_TOGETHER}`, options)]);
    if (this.closed) return;
    this.run = run;
    for (const one of metrics.series) {
      const series = this.getSeries(one.name, one.arm, one.unit);
      one.steps.forEach((step, i) => this.addPoint(series, step, one.values[i], one.times[i]));
      series.isThinned = one.downsampled;
    }
    this.tell('run', 'series');
    if (run.forked_from) this.openBefore(run);
    // Frames and log lines may be newer than the points; their numbers keep the events from adding them again.
    const [frames, logs] = await Promise.all([getAll(`${base}/frames`, options), getAll(`${base}/logs`, { ...options, max: 10000 })]);
    if (this.closed) return;
    frames.forEach((frame) => this.addFrame(frame));
    this.framesAreRead = true;
    logs.forEach((line) => this.addLine(line));
    this.tell('frames', 'logs');
    this.stopFollowing = followRun({
      path: `${base}/events`,
      after: metrics.last_seq,
      onEvent: (event) => this.apply(event),
      onState: (live) => {
        this.live = live;
        this.tell('live');
        if (live.state === 'ended') this.refreshSoon();
      },
      isGone: this.source.isGone,
    });
  }

  close() {
    this.closed = true;
    this.stopFollowing();
    cancelAnimationFrame(this.frame);
  }

  /** @param {import('../types.js').Run} fork */
  async openBefore(fork) {
    const before = new Before(this);
    await before.read(fork);
    if (this.closed) return;
    this.before = before;
    // A series that the fork has not gone on with yet, or never will, is drawn as far as it came.
    before.series.forEach(({ name, arm, unit }) => this.getSeries(name, arm, unit));
    this.tell('run', 'series', 'points');
  }

  /** Points of the run, as the API has them. @param {URLSearchParams} query @param {AbortSignal} signal */
  readMetrics(query, signal) {
    const { base, anonymous } = this.source;
    return get(`${base}/metrics?${query}`, { anonymous, signal });
  }

  /** Reads the run's own fields again (claims judged over seeds, worker, times), never its points. */
  async refresh() {
    const run = await get(this.source.base, { anonymous: this.source.anonymous });
    if (this.closed) return;
    this.run = run;
    this.tell('run');
  }

  refreshSoon() {
    setTimeout(() => !this.closed && this.refresh().catch(() => {}), 50);
  }

  /** @param {Topic} topic @param {() => void} watcher @returns {() => void} call it to stop */
  on(topic, watcher) {
    let set = this.watchers.get(topic);
    if (!set) this.watchers.set(topic, (set = new Set()));
    set.add(watcher);
    return () => set.delete(watcher);
  }

  /** @param {...Topic} topics */
  tell(...topics) {
    topics.forEach((topic) => this.changed.add(topic));
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      const told = [...this.changed];
      this.changed.clear();
      for (const topic of told) this.watchers.get(topic)?.forEach((watcher) => watcher());
    });
  }

  /** @param {string} name @param {string | null} arm @param {string} [unit] */
  getSeries(name, arm, unit = '') {
    const key = seriesKey(name, arm);
    let series = this.series.get(key);
    if (!series) {
      this.series.set(key, (series = new Series(name, arm, unit)));
      const others = this.seriesOf.get(name);
      if (others) others.push(series);
      else this.seriesOf.set(name, [series]);
      this.tell('series');
    }
    return series;
  }

  /** @param {string} name @param {string | null} arm */
  findSeries(name, arm) {
    return this.series.get(seriesKey(name, arm));
  }

  /** @param {Series} series @param {number} step @param {any} value @param {number} time ms since 1970 */
  addPoint(series, step, value, time) {
    series.append(step, value, time);
    if (step > this.newestStep) this.newestStep = step;
    if (time < this.firstTime) this.firstTime = time;
  }

  /** @param {import('../types.js').FrameRef} ref */
  addFrame(ref) {
    if (ref.seq <= this.lastFrameSeq) return;
    this.lastFrameSeq = ref.seq;
    let arms = this.frames.get(ref.name);
    if (!arms) this.frames.set(ref.name, (arms = new Map()));
    const list = arms.get(ref.arm);
    if (list) list.push(ref);
    else arms.set(ref.arm, [ref]);
    this.newestStep = Math.max(this.newestStep, ref.step);
    this.tell('frames');
  }

  /** @param {import('../types.js').LogLine} line */
  addLine(line) {
    if (line.seq <= this.lastLogSeq) return;
    this.lastLogSeq = line.seq;
    this.logs.push(line);
    if (this.logs.length > MOST_LINES * 1.2) this.logs = this.logs.slice(-MOST_LINES);
    this.tell('logs');
  }

  /** @param {import('../types.js').RunEvent} event */
  apply(event) {
    const run = this.run;
    if (!run) return;
    // The run was read after its points, so that older changes of state are in it already.
    const isNews = event.seq > run.last_seq;
    if (event.type === 'metrics') {
      const time = new Date(event.time).getTime();
      for (const point of event.points) this.addPoint(this.getSeries(point.name, point.arm), point.step, point.value, time);
      this.tell('points');
    } else if (event.type === 'frame') {
      this.addFrame({ seq: event.seq, name: event.name, arm: event.arm, step: event.step, kind: event.kind, url: event.url });
    } else if (event.type === 'log') {
      this.addLine({ seq: event.seq, time: event.time, level: event.level, message: event.message });
    } else if (event.type === 'progress' && isNews) {
      const percent = event.total ? Math.min(100, (100 * event.step) / event.total) : run.progress.percent;
      const progress = { step: event.step, total: event.total ?? null, eta_seconds: event.eta_seconds ?? null, percent };
      this.run = { ...run, progress };
      this.pace.push({ step: event.step, at: new Date(event.time).getTime() });
      if (this.pace.length > PACE_EVENTS) this.pace.shift();
      this.tell('run');
    } else if (event.type === 'status' && isNews) {
      if (event.status !== 'running' || run.status !== 'running') this.pace = [];
      const time = event.time ?? new Date().toISOString();
      this.run = {
        ...run,
        status: event.status,
        status_reason: event.reason ?? null,
        attempt: event.attempt ?? run.attempt,
        started_at: run.started_at ?? (event.status === 'running' ? time : null),
        finished_at: TERMINAL.has(event.status) ? time : run.finished_at,
        queue: event.status === 'queued' ? run.queue : null,
      };
      this.tell('run');
      if (event.status === 'queued') this.refreshSoon();
    } else if (event.type === 'summary' && isNews) {
      this.run = { ...run, summary: event.summary, claims: event.claims ?? run.claims };
      this.tell('run');
    }
  }

  /** @returns {number | null} steps a second over the last progress events */
  get stepsPerSecond() {
    const first = this.pace[0];
    const last = this.pace[this.pace.length - 1];
    if (!first || last.at <= first.at) return null;
    return ((last.step - first.step) * 1000) / (last.at - first.at);
  }

  /** @returns {number} the newest step that a point, frame or progress event has named */
  get lastStep() {
    return Math.max(this.run?.progress.step ?? 0, this.newestStep);
  }

  /** @returns {number[]} steps with a frame, ascending */
  get frameSteps() {
    const steps = new Set();
    for (const arms of this.frames.values()) for (const list of arms.values()) list.forEach((ref) => steps.add(ref.step));
    return [...steps].sort((a, b) => a - b);
  }
}
