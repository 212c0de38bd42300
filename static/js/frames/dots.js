/** Measured values over a heat map, in the colours of its scale. */
import { toNumber } from '../format.js';

/** @typedef {{label: string, x: any[], y: any[], values: any[], errors: any[]}} Dots places in columns and rows from the upper left corner */

const RADIUS = 5;
/** A dot is meant from this many pixels away. */
const REACH = 7;

/**
 * @param {CanvasRenderingContext2D} context @param {import('./canvas.js').Box} box of the cells @param {number} rows @param {number} columns
 * @param {Dots | undefined} dots @param {ReturnType<typeof import('./colors.js').colorScale>} scale @param {ReturnType<typeof import('../theme.js').inks>} ink
 * @returns {(x: number, y: number) => string | null} the dot at a place
 */
export function drawDots(context, box, rows, columns, dots, scale, ink) {
  if (!dots) return () => null;
  const places = dots.x.map((wire, i) => ({ x: box.left + (toNumber(wire) / columns) * box.width, y: box.top + (toNumber(dots.y[i]) / rows) * box.height }));
  const isPlace = (/** @type {{x: number, y: number}} */ at) => Number.isFinite(at.x) && Number.isFinite(at.y);
  context.save();
  places.forEach((at, i) => {
    const value = toNumber(dots.values[i]);
    if (!isPlace(at) || !Number.isFinite(value)) return;
    const circle = (/** @type {number} */ radius, /** @type {string} */ color) => {
      context.fillStyle = color;
      context.beginPath();
      context.arc(at.x, at.y, radius, 0, 2 * Math.PI);
      context.fill();
    };
    // Rings of paper and ink, so that the dot is seen over cells of its own colour.
    circle(RADIUS + 2, ink.paper);
    circle(RADIUS + 1, ink.ink);
    circle(RADIUS, `rgb(${scale.color(value).join(', ')})`);
  });
  context.restore();
  return (px, py) => {
    const near = places.findIndex((at) => isPlace(at) && Math.hypot(at.x - px, at.y - py) <= REACH);
    if (near < 0) return null;
    const [value, error] = [toNumber(dots.values[near]), toNumber(dots.errors[near])];
    return `${dots.label}: ${+value.toPrecision(4)} ± ${+error.toPrecision(2)}`;
  };
}
