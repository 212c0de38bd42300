/** What lies on the horizontal axis of a chart: the step, the time since the run's first point, or another metric of the same arm. */
import { formatDuration, formatTick, formatValue } from '../format.js';

/** @typedef {import('./series.js').Series} Series */
/**
 * @typedef {object} XAxis
 * @property {string} key as the address has it
 * @property {string} title
 * @property {boolean} isSorted whether places never go back, so that points can be searched for and bundled by pixels
 * @property {(series: Series) => number[]} placesOf one place for each point of the series; none where the series has no such axis
 * @property {(x: number) => string} format a place under the pointer
 * @property {(x: number) => string} tick a place as the label of a tick
 * @property {number[]} [increments] of ticks, where powers of ten would be odd
 */

const grouped = (/** @type {number} */ step) => formatValue(Math.round(step));

/** @type {XAxis} */
export const STEP_AXIS = {
  key: 'step',
  title: 'step',
  isSorted: true,
  placesOf: (series) => series.steps,
  format: (x) => `step ${grouped(x)}`,
  tick: formatTick,
};

const MINUTE = 60;
const HOUR = 3600;
const DAY = 86400;
/** People read sixtieths of hours and not hundreds of seconds. */
const TIME_INCREMENTS = [
  ...[0.001, 0.01, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30],
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * MINUTE),
  ...[1, 2, 3, 6, 12].map((hours) => hours * HOUR),
  ...[1, 2, 5, 10, 20, 50, 100].map((days) => days * DAY),
];

/** Seconds as the label of a tick: in the largest unit that keeps them whole. @param {number} seconds */
function timeTick(seconds) {
  if (seconds === 0) return '0';
  for (const [size, unit] of /** @type {[number, string][]} */ ([[DAY, 'd'], [HOUR, 'h'], [MINUTE, 'm']])) {
    if (seconds >= size && Math.abs(seconds / size - Math.round(seconds / size)) < 1e-9) return `${Math.round(seconds / size)} ${unit}`;
  }
  return seconds >= 2 * MINUTE ? formatDuration(seconds) : `${formatTick(seconds)} s`;
}

/** Seconds since the first point of the run. @param {() => number} began ms since 1970 @returns {XAxis} */
export function timeAxis(began) {
  /** @type {WeakMap<Series, {version: number, start: number, places: number[]}>} */
  const known = new WeakMap();
  return {
    key: 'time',
    title: 'time since the first point',
    isSorted: true,
    placesOf: (series) => {
      const start = began();
      const old = known.get(series);
      if (old && old.version === series.version && old.start === start) return old.places;
      // A run that was taken over may have times of two clocks: they never go back here.
      let latest = 0;
      const places = series.times.map((time) => (latest = Math.max(latest, (time - start) / 1000)));
      known.set(series, { version: series.version, start, places });
      return places;
    },
    format: (x) => (x < MINUTE ? `${x.toFixed(1)} s` : formatDuration(x)),
    tick: timeTick,
    increments: TIME_INCREMENTS,
  };
}

/**
 * The value that another metric had at the same step, of the same arm or of the whole run.
 * @param {string} name @param {() => string} titleOf asked again, since a card may come later @param {(name: string, arm: string | null) => Series | undefined} find @returns {XAxis}
 */
export function metricAxis(name, titleOf, find) {
  /** @type {WeakMap<Series, {version: number, other: Series, otherVersion: number, places: number[]}>} */
  const known = new WeakMap();
  return {
    key: `metric:${name}`,
    get title() {
      return titleOf();
    },
    isSorted: false,
    placesOf: (series) => {
      const other = find(name, series.arm) ?? find(name, null);
      if (!other) return [];
      const old = known.get(series);
      if (old && old.version === series.version && old.other === other && old.otherVersion === other.version) return old.places;
      const places = series.steps.map((step) => other.valueAt(step) ?? NaN);
      known.set(series, { version: series.version, other, otherVersion: other.version, places });
      return places;
    },
    format: (x) => `${titleOf()} ${formatValue(x, name)}`,
    tick: formatTick,
  };
}
