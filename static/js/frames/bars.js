/** Draws a plot over named places as grouped bars: one group a name, one colour a curve, whiskers for errors. */
import { armTitle } from '../arms.js';
import { linearRange, logRange } from '../charts/ranges.js';
import { formatExact, toNumber } from '../format.js';
import { drawAxes, shortened } from './canvas.js';

/** The part of a group's place that its bars take. */
const FILLED = 0.82;
/** Slanted names rise by this angle, and the longest may take so many pixels; they need so many from one to the next. */
const [SLANT, LONGEST, APART] = [Math.PI / 5, 112, 13];
/** Bars narrower than this stand without a gap, and their whiskers have no caps. */
const NARROW = 5;
/** Room for the title of the axis, and for names that stand level. */
const [TITLE, LEVEL] = [20, 20];

/**
 * How the names stand below an axis: level where all fit, slanted and cut where they do not, and not every one where even that is too close.
 * @param {CanvasRenderingContext2D} context @param {string[]} names @param {number} slot pixels from one to the next
 */
function layOut(context, names, slot) {
  const widest = names.reduce((most, name) => Math.max(most, context.measureText(name).width), 0);
  if (widest + 6 <= slot) return { slanted: false, every: 1, height: LEVEL, longest: slot };
  const longest = Math.min(widest, LONGEST);
  return { slanted: true, every: Math.max(1, Math.ceil(APART / slot)), height: longest * Math.sin(SLANT) + 14, longest };
}

/**
 * @param {CanvasRenderingContext2D} context @param {number} width @param {number} height @param {import('./plot.js').Plot} plot
 * @param {ReturnType<typeof import('../theme.js').inks>} ink @param {import('../types.js').Arm[]} arms @param {{color: string}[]} styles one a curve
 * @returns {(x: number, y: number) => string | null}
 */
export function drawBars(context, width, height, plot, ink, arms, styles) {
  const names = (plot.categories ?? []).map((name) => armTitle(arms, name));
  const { log } = plot.y;
  const base = toNumber(plot.base ?? 0);
  const usable = (value) => Number.isFinite(value) && (!log || value > 0);
  const bars = plot.curves.flatMap((curve, index) => curve.x.map((place, i) => ({
    curve, index, place: Math.round(toNumber(place)), value: toNumber(curve.y[i]), error: toNumber(curve.y_error?.[i]), i,
  }))).filter(({ value, place }) => usable(value) && names[place] !== undefined);
  const ends = bars.flatMap(({ value, error }) => (error > 0 ? [value - error, value + error] : [value])).concat(log ? [] : [base]).filter(usable);
  const [low, high] = [ends.reduce((a, b) => Math.min(a, b), Infinity), ends.reduce((a, b) => Math.max(a, b), -Infinity)];
  const range = log ? logRange(low, high, null) : linearRange(low, high, null);
  const xAxis = { range: /** @type {[number, number]} */ ([0, Math.max(1, names.length)]), log: false, title: '', ticks: [] };
  context.font = ink.font;
  // About the width that the axis of heights leaves.
  const laid = layOut(context, names, (width - 60) / Math.max(1, names.length));
  const below = laid.height + (plot.x.title ? TITLE : 0);
  const { box, x, y } = drawAxes(context, width, height - below, xAxis, { ...plot.y, range }, ink, { isBare: true });
  const slot = box.width / Math.max(1, names.length);
  const each = (slot * FILLED) / Math.max(1, plot.curves.length);
  const floor = log ? box.top + box.height : y(base);

  const places = bars.map(({ curve, index, place, value, error, i }) => {
    const [left, top] = [x(place) + slot * ((1 - FILLED) / 2) + index * each, y(value)];
    const wide = Math.max(0.5, each - (each > NARROW ? 1 : 0));
    const [from, tall] = [Math.min(top, floor), Math.abs(floor - top)];
    context.fillStyle = styles[index].color;
    context.strokeStyle = styles[index].color;
    context.lineWidth = 1;
    // What was not measured, or did not converge, is an outline.
    if (curve.role === 'theory' || curve.converged?.[i] === false) context.strokeRect(left + 0.5, from + 0.5, Math.max(0, wide - 1), Math.max(0, tall - 1));
    else context.fillRect(left, from, wide, tall);
    if (error > 0) drawWhisker(context, left + wide / 2, y(value + error), usable(value - error) ? y(value - error) : box.top + box.height, each, ink.ink);
    const spread = error > 0 ? ` ± ${formatExact(curve.y_error?.[i])}` : '';
    const about = curve.converged?.[i] === false ? ', not converged' : '';
    return { place, middle: left + wide / 2, text: `${armTitle(arms, curve.label)}, ${names[place]}: ${plot.y.title} ${formatExact(curve.y[i])}${spread}${about}` };
  });
  context.strokeStyle = ink.axis;
  context.lineWidth = 1;
  context.beginPath();
  context.moveTo(box.left, Math.round(floor) + 0.5);
  context.lineTo(box.left + box.width, Math.round(floor) + 0.5);
  context.stroke();

  context.fillStyle = ink.axis;
  names.forEach((name, place) => {
    if (place % laid.every === 0) drawName(context, name, x(place + 0.5), box.top + box.height + 6, laid);
  });
  if (plot.x.title) {
    const middle = box.left + box.width / 2;
    context.textAlign = 'center';
    context.textBaseline = 'top';
    context.fillText(shortened(context, plot.x.title, 2 * Math.min(middle, width - middle)), middle, height - 13);
  }

  return (px, py) => {
    if (py < box.top || py > height - (plot.x.title ? TITLE : 0)) return null;
    // Over its own group a pointer means the nearest bar, for bars may be thin.
    const place = Math.floor((px - box.left) / slot);
    const near = places.filter((bar) => bar.place === place);
    return near.reduce((best, bar) => (!best || Math.abs(bar.middle - px) < Math.abs(best.middle - px) ? bar : best), near[0])?.text ?? null;
  };
}

/** An error bar with caps. @param {CanvasRenderingContext2D} context @param {number} wide of the bar it stands on */
function drawWhisker(context, x, top, bottom, wide, color) {
  const half = wide > NARROW ? Math.min(4, wide / 4) : 0;
  context.strokeStyle = color;
  context.beginPath();
  context.moveTo(x, top);
  context.lineTo(x, bottom);
  for (const end of [top, bottom]) {
    context.moveTo(x - half, end);
    context.lineTo(x + half, end);
  }
  context.stroke();
}

/** A name below the middle of its group. @param {CanvasRenderingContext2D} context @param {ReturnType<typeof layOut>} laid */
function drawName(context, name, x, y, laid) {
  if (!laid.slanted) {
    context.textAlign = 'center';
    context.textBaseline = 'top';
    context.fillText(name, x, y);
    return;
  }
  context.save();
  context.translate(x + 3, y);
  context.rotate(-SLANT);
  context.textAlign = 'right';
  context.textBaseline = 'middle';
  // The first names must not run out of the picture on the left.
  context.fillText(shortened(context, name, Math.min(laid.longest, x / Math.cos(SLANT))), 0, 0);
  context.restore();
}
