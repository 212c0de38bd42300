/** Paints curves on a canvas: as lines, and where there are more points than pixels as the band between least and greatest. */
import { countBelow } from './series.js';

/**
 * Where a chart draws, in device pixels, and how values become places there.
 * @typedef {{left: number, top: number, width: number, height: number, ratio: number, min: number, max: number, yLog: boolean,
 *   x: (value: number) => number, y: (value: number) => number}} Field
 * @typedef {{xs: number[], ys: number[], isSorted: boolean, isThinned: boolean}} Curve
 */

/** A colour with some transparency. @param {string} hex `#rrggbb` @param {number} alpha */
export const faded = (hex, alpha) => hex + Math.round(alpha * 255).toString(16).padStart(2, '0');

/** @param {number} low @param {number} high @param {boolean} log @param {number} start @param {number} size */
function placer(low, high, log, start, size) {
  if (!log) return (/** @type {number} */ value) => start + ((value - low) / (high - low)) * size;
  const [from, span] = [Math.log(low), Math.log(high / low)];
  return (/** @type {number} */ value) => start + ((Math.log(value) - from) / span) * size;
}

/** The field of a chart as its scales are now. @param {any} plot an uPlot @param {boolean} xLog @param {boolean} yLog @returns {Field} */
export function fieldOf(plot, xLog, yLog) {
  const { left, top, width, height } = plot.bbox;
  const { x, y } = plot.scales;
  return {
    left, top, width, height, yLog,
    ratio: devicePixelRatio,
    min: x.min,
    max: x.max,
    x: placer(x.min, x.max, xLog, left, width),
    y: placer(y.min, y.max, yLog, top + height, -height),
  };
}

/** Whether a value has a place on the vertical axis. @param {number} value @param {boolean} log */
export const isDrawable = (value, log) => Number.isFinite(value) && (!log || value > 0);

/** First and one past the last point that matter to the field: those inside, and one neighbour on either side. @param {Curve} curve @param {{min: number, max: number}} field */
export function spanOf({ xs, isSorted }, { min, max }) {
  if (!isSorted) return [0, xs.length];
  return [Math.max(0, countBelow(xs, min) - 1), Math.min(xs.length, countBelow(xs, max, true) + 1)];
}

/** Least and greatest drawable value inside the field. @param {Curve} curve @param {{min: number, max: number}} range @param {boolean} yLog @returns {[number, number]} */
export function extentOf(curve, range, yLog) {
  const [from, to] = spanOf(curve, range);
  let low = Infinity;
  let high = -Infinity;
  for (let i = from; i < to; i += 1) {
    const value = curve.ys[i];
    if (!isDrawable(value, yLog) || !(curve.xs[i] >= range.min && curve.xs[i] <= range.max)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}

/** A thinned series has up to four points for each part of the run that it stands for. */
const POINTS_A_COLUMN = 4;
/** Fewer points than this are a line, whatever they stand for. */
const FEW_POINTS = 200;

/** How many columns a curve is bundled into; 0 for a line from point to point. @param {Curve} curve @param {Field} field @param {number} count */
function columnsFor({ isSorted, isThinned }, field, count) {
  const pixels = field.width / field.ratio;
  if (!isSorted || (count <= 2 * pixels && !(isThinned && count > FEW_POINTS))) return 0;
  return Math.min(Math.floor(pixels), Math.floor(count / POINTS_A_COLUMN));
}

/**
 * A line from point to point with gaps where there is no number; a point alone between gaps is a dot.
 * @param {CanvasRenderingContext2D} context @param {Field} field @param {number[]} xs @param {number[]} ys @param {number} from @param {number} to
 */
function strokeLine(context, field, xs, ys, from, to) {
  /** @type {[number, number][]} */
  const alone = [];
  let length = 0;
  let [lastX, lastY] = [0, 0];
  context.beginPath();
  for (let i = from; i <= to; i += 1) {
    const x = i < to ? field.x(xs[i]) : NaN;
    if (!Number.isFinite(x) || !isDrawable(ys[i], field.yLog)) {
      if (length === 1) alone.push([lastX, lastY]);
      length = 0;
      continue;
    }
    [lastX, lastY] = [x, field.y(ys[i])];
    if (length === 0) context.moveTo(lastX, lastY);
    else context.lineTo(lastX, lastY);
    length += 1;
  }
  context.stroke();
  context.beginPath();
  for (const [x, y] of alone) {
    context.moveTo(x, y);
    context.arc(x, y, 2.5 * field.ratio, 0, 2 * Math.PI);
  }
  context.fill();
}

/**
 * The points of every column of pixels as one: its last value, and the band from its least to its greatest.
 * @param {CanvasRenderingContext2D} context @param {Field} field @param {Curve} curve @param {number} from @param {number} to
 * @param {number} columns @returns {{xs: number[], ys: number[]}} the last values
 */
function fillColumns(context, field, { xs, ys }, from, to, columns) {
  const line = { xs: /** @type {number[]} */ ([]), ys: /** @type {number[]} */ ([]) };
  const wide = field.width / columns;
  let at = from;
  while (at < to) {
    const column = Math.floor((field.x(xs[at]) - field.left) / wide);
    if (!Number.isFinite(column)) {
      at += 1;
      continue;
    }
    const end = field.left + (column + 1) * wide;
    let [low, high, last] = [Infinity, -Infinity, -1];
    const first = at;
    do {
      const value = ys[at];
      if (isDrawable(value, field.yLog)) {
        last = at;
        if (value < low) low = value;
        if (value > high) high = value;
      }
      at += 1;
    } while (at < to && field.x(xs[at]) < end);
    if (last < 0) {
      // Nothing to draw here: the line has a gap.
      line.xs.push(xs[first]);
      line.ys.push(NaN);
      continue;
    }
    line.xs.push(xs[last]);
    line.ys.push(ys[last]);
    // Whole pixels side by side: neither gaps nor double ink between columns, and quick to fill.
    const [left, right] = [Math.round(end - wide), Math.round(end)];
    const top = field.y(high);
    context.fillRect(left, top - 0.5 * field.ratio, right - left, field.y(low) - top + field.ratio);
  }
  return line;
}

/**
 * @param {CanvasRenderingContext2D} context clipped to the field @param {Field} field @param {Curve} curve
 * @param {import('../arms.js').ArmStyle} style @param {number[] | null} smoothed drawn over the rest, which is faint then
 */
export function paintCurve(context, field, curve, style, smoothed) {
  const [from, to] = spanOf(curve, field);
  const columns = columnsFor(curve, field, to - from);
  const faint = smoothed ? 0.4 : 1;
  context.lineJoin = 'round';
  context.setLineDash(smoothed ? [] : style.dash.map((length) => length * field.ratio));
  context.lineWidth = (smoothed ? 1 : style.width) * field.ratio;
  context.strokeStyle = context.fillStyle = smoothed ? faded(style.color, 0.3) : style.color;
  let line = { xs: curve.xs, ys: curve.ys };
  let [first, end] = [from, to];
  if (columns > 0) {
    context.fillStyle = faded(style.color, 0.4 * faint);
    // Between bands a line of full width would be all that is seen.
    context.lineWidth = Math.min(1.25 * field.ratio, context.lineWidth);
    line = fillColumns(context, field, curve, from, to, columns);
    [first, end] = [0, line.xs.length];
  }
  strokeLine(context, field, line.xs, line.ys, first, end);
  if (!smoothed) return;
  context.setLineDash(style.dash.map((length) => length * field.ratio));
  context.lineWidth = style.width * field.ratio;
  context.strokeStyle = context.fillStyle = style.color;
  strokeLine(context, field, curve.xs, smoothed, from, to);
}

/**
 * Fills an interval around a curve.
 * @param {CanvasRenderingContext2D} context @param {Field} field @param {number[]} xs @param {{low: number[], high: number[]}} band @param {string} color
 */
export function paintBand(context, field, xs, band, color) {
  const place = (/** @type {number} */ value) => (field.yLog && value <= 0 ? field.top + field.height : field.y(value));
  const kept = xs.map((_, i) => i).filter((i) => Number.isFinite(band.low[i]) && Number.isFinite(band.high[i]) && Number.isFinite(field.x(xs[i])));
  context.fillStyle = faded(color, 0.15);
  context.beginPath();
  for (const i of kept) context.lineTo(field.x(xs[i]), place(band.high[i]));
  for (const i of kept.reverse()) context.lineTo(field.x(xs[i]), place(band.low[i]));
  context.fill();
}

/**
 * Marks values that are not finite, in the colour of their line: NaN as a cross at the lower edge, infinities as triangles at the edge
 * that they went through.
 * @param {CanvasRenderingContext2D} context @param {Field} field @param {Curve} curve @param {string} color @param {number} row keeps lines apart
 */
export function paintOdd(context, field, curve, color, row) {
  const size = 3 * field.ratio;
  const inset = (5 + 4 * (row % 4)) * field.ratio;
  const [from, to] = spanOf(curve, field);
  /** The last mark of each kind: marks closer than this would be one blot. */
  const lastX = { NaN: -Infinity, Infinity: -Infinity, '-Infinity': -Infinity };
  context.setLineDash([]);
  context.lineWidth = 1.5 * field.ratio;
  context.strokeStyle = context.fillStyle = color;
  for (let i = from; i < to; i += 1) {
    const value = curve.ys[i];
    if (Number.isFinite(value) || !(curve.xs[i] >= field.min && curve.xs[i] <= field.max)) continue;
    const x = field.x(curve.xs[i]);
    if (x - lastX[String(value)] < 8 * field.ratio && x >= lastX[String(value)]) continue;
    lastX[String(value)] = x;
    const up = value === Infinity;
    const y = up ? field.top + inset : field.top + field.height - inset;
    context.beginPath();
    if (Number.isNaN(value)) {
      context.moveTo(x - size, y - size);
      context.lineTo(x + size, y + size);
      context.moveTo(x + size, y - size);
      context.lineTo(x - size, y + size);
      context.stroke();
      continue;
    }
    const tip = up ? -size : size;
    context.moveTo(x, y + tip);
    context.lineTo(x - size, y - tip);
    context.lineTo(x + size, y - tip);
    context.fill();
  }
}

/** The place where a run left another. @param {CanvasRenderingContext2D} context @param {Field} field @param {number} step @param {string} color */
export function paintFork(context, field, step, color) {
  const x = Math.round(field.x(step)) + 0.5;
  context.setLineDash([2 * field.ratio, 3 * field.ratio]);
  context.lineWidth = field.ratio;
  context.strokeStyle = color;
  context.beginPath();
  context.moveTo(x, field.top);
  context.lineTo(x, field.top + field.height);
  context.stroke();
}
