/** Draws curves against any axis: theory as lines, data as points with their error bars, unconverged points hollow; over named places as bars. */
import { armStyle, armTitle, styleAt } from '../arms.js';
import { linearRange, logRange } from '../charts/ranges.js';
import { formatExact, formatTick, toNumber } from '../format.js';
import { drawBars } from './bars.js';
import { drawAxes } from './canvas.js';
import { drawResiduals, reachOf, STRIP_HEIGHT } from './residuals.js';

/**
 * @typedef {{label: string, role: 'theory' | 'data', line?: boolean, x: any[], y: any[], y_error?: any[], converged?: boolean[]}} Curve
 * @typedef {{x: {title: string, log: boolean}, y: {title: string, log: boolean}, curves: Curve[],
 *   residuals?: import('./residuals.js').Residuals[], marks?: {label: string, x: any[], notes: string[]}, categories?: string[], base?: any}} Plot
 *   with `categories` it is drawn as bars
 */

/** A curve named after an arm has its colour; theory and data of one name share theirs. @param {Plot} plot @param {import('../types.js').Arm[]} arms */
export function curveStyles(plot, arms) {
  const labels = [...new Set(plot.curves.map((curve) => curve.label))];
  return plot.curves.map((curve) => {
    const known = arms.find((arm) => arm.id === curve.label || arm.title === curve.label);
    return known ? armStyle(arms, known.id) : styleAt(labels.indexOf(curve.label));
  });
}

/**
 * What the legend of a plot says: the arms by their titles, and what hollow points are.
 * @param {Plot} plot @param {import('../types.js').Arm[]} arms @returns {import('./draw.js').LegendRow[]}
 */
export function plotLegend(plot, arms) {
  const styles = curveStyles(plot, arms);
  // Of curves that share a name and a colour, as one for every fold, the legend has one.
  const isFirst = (/** @type {Curve} */ { label, role, line }, /** @type {number} */ index) =>
    plot.curves.findIndex((other) => other.label === label && other.role === role && !!other.line === !!line) === index;
  const told = plot.curves.map((curve, index) => ({ ...curve, style: styles[index] })).filter(isFirst);
  /** @type {import('./draw.js').LegendRow[]} */
  const rows = told.map(({ style, ...curve }) => ({ label: armTitle(arms, curve.label), word: wordOf(plot, curve), mark: markOf(plot, curve), style }));
  const remark = (/** @type {string} */ label) => rows.push({ label, word: '', mark: 'line', style: null });
  if (plot.curves.some((curve) => curve.converged?.includes(false))) remark('hollow: the solver did not converge');
  if (plot.marks) remark(`upright lines: ${plot.marks.label}`);
  if (plot.residuals?.length) remark('below: distance from theory in standard errors; the band is 2 wide on either side');
  return rows;
}

/** What a curve is, where that is not plain from how it is drawn. @param {Plot} plot @param {Curve} curve */
const wordOf = (plot, { role, line }) => (line || (plot.categories && role === 'data') ? '' : role);

/** @param {Curve} curve */
const isLine = ({ role, line }) => role === 'theory' || !!line;

/** @param {Plot} plot @param {Curve} curve @returns {import('./draw.js').LegendRow['mark']} */
function markOf(plot, curve) {
  if (plot.categories) return curve.role === 'theory' ? 'outline' : 'bar';
  return isLine(curve) ? 'line' : 'point';
}

const usable = (value, log) => Number.isFinite(value) && (!log || value > 0);

/**
 * @param {CanvasRenderingContext2D} context @param {number} width @param {number} height @param {Plot} plot
 * @param {ReturnType<typeof import('../theme.js').inks>} ink @param {import('../types.js').Arm[]} arms
 * @returns {(x: number, y: number) => string | null}
 */
export function drawPlot(context, width, height, plot, ink, arms) {
  if (plot.categories) return drawBars(context, width, height, plot, ink, arms, curveStyles(plot, arms));
  const curves = plot.curves.map((curve) => ({ ...curve, xs: curve.x.map(toNumber), ys: curve.y.map(toNumber) }));
  const extent = (values, log) => {
    const kept = values.filter((value) => usable(value, log));
    const [low, high] = [kept.reduce((a, b) => Math.min(a, b), Infinity), kept.reduce((a, b) => Math.max(a, b), -Infinity)];
    return log ? logRange(low, high, null) : linearRange(low, high, null);
  };
  const errors = curves.flatMap((curve) => (curve.y_error ?? []).flatMap((error, i) => [curve.ys[i] - toNumber(error), curve.ys[i] + toNumber(error)]));
  const xAxis = { ...plot.x, range: extent(curves.flatMap((curve) => curve.xs), plot.x.log) };
  const yAxis = { ...plot.y, range: extent([...curves.flatMap((curve) => curve.ys), ...errors], plot.y.log) };
  const residuals = plot.residuals ?? [];
  const hasStrip = residuals.length > 0;
  // Both areas begin at the same place, whichever has the wider labels.
  context.font = ink.font;
  const least = hasStrip ? 24 + context.measureText(formatTick(-reachOf(residuals))).width : 0;
  const { box, x, y } = drawAxes(context, width, hasStrip ? height - STRIP_HEIGHT : height, xAxis, yAxis, ink, { left: least, isBare: hasStrip });
  const styles = curveStyles(plot, arms);
  /** @type {{x: number, y: number, text: string}[]} */
  const places = [];
  context.save();
  context.beginPath();
  context.rect(box.left - 4, box.top - 4, box.width + 8, box.height + 8);
  context.clip();
  const marks = (plot.marks?.x ?? []).map((wire, i) => ({ x: x(toNumber(wire)), text: `${plot.marks?.label} ${plot.marks?.notes[i]}: ${plot.x.title} ${formatExact(wire)}` }));
  context.strokeStyle = ink.axis;
  context.lineWidth = 0.5;
  context.beginPath();
  marks.forEach((mark) => {
    context.moveTo(mark.x, box.top);
    context.lineTo(mark.x, box.top + box.height);
  });
  context.stroke();
  // Theory lies under the data that it is compared with.
  const order = [...curves.keys()].sort((a, b) => Number(!isLine(curves[a])) - Number(!isLine(curves[b])));
  order.forEach((index) => {
    const curve = curves[index];
    const { color, dash } = styles[index];
    context.strokeStyle = color;
    context.fillStyle = color;
    const joined = isLine(curve);
    context.lineWidth = joined ? 1.5 : 1;
    context.setLineDash(joined ? dash : []);
    context.beginPath();
    let down = false;
    curve.xs.forEach((value, i) => {
      if (!usable(value, plot.x.log) || !usable(curve.ys[i], plot.y.log)) {
        down = false;
        return;
      }
      const at = { x: x(value), y: y(curve.ys[i]) };
      const about = [wordOf(plot, curve), curve.converged?.[i] === false && 'not converged'].filter(Boolean).join(', ');
      places.push({ ...at, text: `${armTitle(arms, curve.label)}${about && ` (${about})`}: ${plot.x.title} ${formatExact(curve.x[i])}, ${plot.y.title} ${formatExact(curve.y[i])}${toNumber(curve.y_error?.[i]) > 0 ? ` ± ${formatExact(curve.y_error?.[i])}` : ''}` });
      if (joined) {
        if (down) context.lineTo(at.x, at.y);
        else context.moveTo(at.x, at.y);
        down = true;
        return;
      }
      const error = toNumber(curve.y_error?.[i]);
      if (error > 0) {
        const lowest = curve.ys[i] - error;
        context.moveTo(at.x, y(curve.ys[i] + error));
        context.lineTo(at.x, usable(lowest, plot.y.log) ? y(lowest) : box.top + box.height);
      }
    });
    context.stroke();
    if (joined) return;
    context.setLineDash([]);
    curve.xs.forEach((value, i) => {
      if (!usable(value, plot.x.log) || !usable(curve.ys[i], plot.y.log)) return;
      context.beginPath();
      context.arc(x(value), y(curve.ys[i]), 3, 0, 2 * Math.PI);
      if (curve.converged && !curve.converged[i]) {
        // Lines under a hollow point would look like its inside.
        context.fillStyle = ink.paper;
        context.fill();
        context.fillStyle = color;
        context.stroke();
      } else context.fill();
    });
  });
  context.restore();
  if (hasStrip) {
    const colors = residuals.map(({ label }) => styles[plot.curves.findIndex((curve) => curve.label === label)]?.color ?? ink.axis);
    const named = residuals.map((one) => ({ ...one, label: armTitle(arms, one.label) }));
    places.push(...drawResiduals(context, width, height, named, colors, xAxis, box.left, ink));
  }
  return (px, py) => {
    /** Pointers are blunt: the nearest point within this many pixels is meant. */
    let nearest = 12;
    /** @type {string | null} */
    let text = null;
    for (const place of places) {
      const distance = Math.hypot(place.x - px, place.y - py);
      if (distance < nearest) {
        nearest = distance;
        text = place.text;
      }
    }
    if (text !== null || py < box.top || py > box.top + box.height) return text;
    return marks.filter((mark) => Math.abs(mark.x - px) < 4).sort((a, b) => Math.abs(a.x - px) - Math.abs(b.x - px))[0]?.text ?? null;
  };
}
