/** The strip below a plot: how far measured points lie from their theory, in standard errors. */
import { roundUp } from '../charts/ranges.js';
import { formatExact, formatTick, toNumber } from '../format.js';
import { drawAxes } from './canvas.js';

/** @typedef {{label: string, x: any[], y: any[], converged?: boolean[]}} Residuals */

/** Height of the strip with the axis below it. */
export const STRIP_HEIGHT = 92;
/** Points within so many standard errors are what chance alone brings, 19 times of 20. */
const EXPECTED = 2;
/** The strip never shows less than this. */
const LEAST_REACH = 3;
const RADIUS = 2.5;

/** How far the strip reaches on either side of zero. @param {Residuals[]} residuals */
export function reachOf(residuals) {
  const farthest = residuals.flatMap((one) => one.y.map((value) => Math.abs(toNumber(value)))).filter(Number.isFinite).reduce((a, b) => Math.max(a, b), LEAST_REACH);
  return farthest > LEAST_REACH ? roundUp(farthest) : LEAST_REACH;
}

/**
 * @param {CanvasRenderingContext2D} context @param {number} width @param {number} bottom lower edge @param {Residuals[]} residuals
 * @param {string[]} colors one each @param {import('./canvas.js').AxisSpec} xAxis of the plot above @param {number} left where the plot above begins
 * @param {ReturnType<typeof import('../theme.js').inks>} ink
 * @returns {{x: number, y: number, text: string}[]} where the points lie, and what they say
 */
export function drawResiduals(context, width, bottom, residuals, colors, xAxis, left, ink) {
  const reach = reachOf(residuals);
  const yAxis = { range: /** @type {[number, number]} */ ([-reach, reach]), log: false, title: 'in SE', ticks: [-reach, 0, reach] };
  const { box, x, y } = drawAxes(context, width, bottom, xAxis, yAxis, ink, { top: bottom - STRIP_HEIGHT, left });
  context.fillStyle = ink.grid;
  context.fillRect(box.left, y(EXPECTED), box.width, y(-EXPECTED) - y(EXPECTED));
  context.strokeStyle = ink.axis;
  context.lineWidth = 1;
  context.beginPath();
  context.moveTo(box.left, y(0));
  context.lineTo(box.left + box.width, y(0));
  context.stroke();
  /** @type {{x: number, y: number, text: string}[]} */
  const places = [];
  residuals.forEach((one, index) => {
    context.strokeStyle = colors[index];
    context.fillStyle = colors[index];
    one.x.forEach((wire, i) => {
      const [across, value] = [toNumber(wire), toNumber(one.y[i])];
      if (!Number.isFinite(across) || !Number.isFinite(value) || (xAxis.log && across <= 0)) return;
      const at = { x: x(across), y: y(value) };
      places.push({ ...at, text: `${one.label}: ${xAxis.title} ${formatExact(wire)}, ${formatTick(+value.toPrecision(3))} standard errors from theory${one.converged?.[i] === false ? ', not converged' : ''}` });
      context.beginPath();
      context.moveTo(at.x, y(0));
      context.lineTo(at.x, at.y);
      context.stroke();
      context.beginPath();
      context.arc(at.x, at.y, RADIUS, 0, 2 * Math.PI);
      if (one.converged?.[i] === false) {
        const inside = context.fillStyle;
        context.fillStyle = ink.paper;
        context.fill();
        context.fillStyle = inside;
        context.stroke();
      } else context.fill();
    });
  });
  return places;
}
