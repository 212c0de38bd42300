/** Reads again, at full detail, the part of a run that a chart shows: of a long series the page holds only what the whole run needs. */
import { countBelow } from '../charts/series.js';
import { toNumber } from '../format.js';

/** @typedef {import('../charts/series.js').Series} Series */
/**
 * A part of a series as it was read.
 * @typedef {object} Detail
 * @property {number} from first step asked for
 * @property {number} to last step asked for
 * @property {boolean} isComplete whether it has every point
 * @property {boolean} log whether its points are spread evenly over the logarithm of the step
 */

/** Points asked for a pixel of the chart: a bucket of the answer has up to four. */
const POINTS_A_PIXEL = 4;
const MOST_POINTS = 8000;
/** Points asked for at most over all series of a panel. */
const MOST_TOGETHER = 400_000;
/** What lies beside the part shown is read too, so that panning finds it there: this part of its length on either side. */
const MARGIN = 0.5;
/** Where less than this part of the view's length has been read beside it, more is asked for before it is needed. */
const AHEAD = 0.25;
/** A part read stays good for a view that is so many times shorter. */
const ZOOM_WITHIN = 4;

/**
 * Whether what is held of a series is enough for a view of these steps.
 * @param {Series} series @param {[number, number] | null} steps `null` for the whole run @param {number} pixels @param {boolean} log
 */
function isEnough(series, steps, pixels, log) {
  if (!series.isThinned) return true;
  const { detail } = series;
  const fits = detail !== null && (detail.isComplete || detail.log === log);
  if (!steps) return (fits && detail.from === -Infinity) || (!log && (series.whole ?? series).steps.length >= 2 * pixels);
  // Before its first and after its last point nothing is missing.
  const [from, to] = [Math.max(steps[0], series.steps[0] ?? 0), Math.min(steps[1], series.lastStep)];
  if (to < from) return true;
  if (fits && detail.from <= from && detail.to >= to && (detail.isComplete || detail.to - detail.from <= ZOOM_WITHIN * (steps[1] - steps[0]))) return true;
  return !log && countBelow(series.steps, to, true) - countBelow(series.steps, from) >= 2 * pixels;
}

/**
 * Whether a view of a part that was read has enough of it on either side, so that whoever pans finds it there.
 * @param {Series} series @param {[number, number] | null} view in steps
 */
function hasMargin({ detail, steps, lastStep }, view) {
  if (!detail || !view) return true;
  const holds = (/** @type {number} */ from, /** @type {number} */ to) => detail.from <= Math.max(from, steps[0] ?? 0) && detail.to >= Math.min(to, lastStep);
  const ahead = AHEAD * (view[1] - view[0]);
  return !holds(view[0], view[1]) || holds(view[0] - ahead, view[1] + ahead);
}

/**
 * The steps of a view, where its axis is not the step: of all points inside, and one more on either side.
 * @param {Series[]} all @param {import('../charts/x_axis.js').XAxis} axis @param {[number, number]} range @returns {[number, number] | null}
 */
function stepsOf(all, axis, [low, high]) {
  if (axis.key === 'step') return [low, high];
  let from = Infinity;
  let to = -Infinity;
  for (const series of all) {
    const places = axis.placesOf(series);
    for (let i = 0; i < places.length; i += 1) {
      if (!(places[i] >= low && places[i] <= high)) continue;
      from = Math.min(from, series.steps[i - 1] ?? series.steps[i]);
      to = Math.max(to, series.steps[i + 1] ?? series.steps[i]);
    }
  }
  return from <= to ? [from, to] : null;
}

/** Reads the parts that one panel looks at, one after the other; the newest wish wins. */
export class DetailReader {
  /** @param {import('./run_data.js').RunData | import('./before.js').Before} data */
  constructor(data) {
    this.data = data;
    /** @type {AbortController | null} */
    this.reading = null;
    /** What is being read. @type {{from: number, to: number, log: boolean} | null} */
    this.wish = null;
  }

  stop() {
    this.reading?.abort();
    this.reading = null;
  }

  /**
   * Asks for what is missing of these series in the view; once it is there the run's points are told to have changed.
   * @param {Series[]} all those of the panel that are shown @param {import('../charts/x_axis.js').XAxis} axis
   * @param {import('../charts/line_chart.js').View} view
   */
  look(all, axis, { range, pixels, log }) {
    const byStep = log && axis.key === 'step';
    const steps = range ? stepsOf(all, axis, range) : null;
    if (range && !steps) return;
    const missing = all.filter((series) => !isEnough(series, steps, pixels, byStep) || !hasMargin(series, steps));
    if (missing.length === 0) return;
    const around = steps ? MARGIN * (steps[1] - steps[0]) : 0;
    const from = steps ? Math.max(0, Math.floor(steps[0] - around)) : -Infinity;
    const to = steps ? Math.ceil(steps[1] + around) : Infinity;
    if (this.reading && this.wish && this.wish.log === byStep) {
      // What is under way will do; a view that has moved out of it is asked for instead.
      const first = steps ? Math.max(0, steps[0]) : -Infinity;
      if (this.wish.from <= first && this.wish.to >= (steps ? steps[1] : Infinity) && this.wish.to - this.wish.from <= ZOOM_WITHIN * (to - from)) return;
    }
    this.stop();
    this.wish = { from, to, log: byStep };
    const length = steps ? 1 + 2 * MARGIN : 1;
    const points = Math.min(MOST_POINTS, Math.round(POINTS_A_PIXEL * pixels * length));
    this.read(missing, from, to, points, byStep).catch(() => {});
  }

  /** @param {Series[]} all @param {number} from @param {number} to @param {number} points @param {boolean} log */
  async read(all, from, to, points, log) {
    const abort = (this.reading = new AbortController());
    const query = new URLSearchParams({ names: [...new Set(all.map((series) => series.name))].join(','), points: String(points), total_points: String(MOST_TOGETHER) });
    const arms = [...new Set(all.map((series) => series.arm ?? 'null'))];
    // An address has its limits; all arms are asked for where naming them would pass them.
    if (arms.join().length < 1000 && arms.every((arm) => !arm.includes(','))) query.set('arms', arms.join(','));
    if (Number.isFinite(from)) query.set('from_step', String(from));
    if (Number.isFinite(to)) query.set('to_step', String(to));
    if (log) query.set('spacing', 'log');
    const answer = await this.data.readMetrics(query, abort.signal).finally(() => {
      if (this.reading === abort) this.reading = null;
    });
    if (abort.signal.aborted) return;
    for (const one of answer.series) {
      const series = this.data.findSeries(one.name, one.arm);
      if (!series || !all.includes(series)) continue;
      const points = { steps: one.steps, values: one.values.map(toNumber), times: one.times };
      series.setDetail({ from, to, isComplete: !one.downsampled, log }, points);
    }
    this.data.tell('points');
  }
}
