/** Lines over a heat map, as the frontiers of a phase diagram. */
import { toNumber } from '../format.js';

/** @typedef {{label: string, x: any[], y: any[]}} Frontier places in columns and rows from the upper left corner */

/** One dash pattern a line, since colours belong to the cells. @type {number[][]} */
const DASHES = [[], [6, 3], [2, 2], [9, 3, 2, 3], [12, 4], [1, 4]];
/** @param {number} index */
export const dashOf = (index) => DASHES[index % DASHES.length];

const WIDTH = 1.5;
/** A line is meant from this many pixels away. */
const REACH = 6;

/** The distance of a place from the stretch between two others. */
function distance(px, py, from, to) {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const along = Math.max(0, Math.min(1, ((px - from.x) * dx + (py - from.y) * dy) / (dx * dx + dy * dy || 1)));
  return Math.hypot(from.x + along * dx - px, from.y + along * dy - py);
}

/**
 * @param {CanvasRenderingContext2D} context @param {import('./canvas.js').Box} box of the cells @param {number} rows @param {number} columns
 * @param {Frontier[]} frontiers @param {ReturnType<typeof import('../theme.js').inks>} ink
 * @returns {(x: number, y: number) => string | null} the line at a place
 */
export function drawFrontiers(context, box, rows, columns, frontiers, ink) {
  const lines = frontiers.map(({ x, y }) =>
    x.map((wire, i) => ({ x: box.left + (toNumber(wire) / columns) * box.width, y: box.top + (toNumber(y[i]) / rows) * box.height })));
  const isPlace = (/** @type {{x: number, y: number} | undefined} */ at) => at !== undefined && Number.isFinite(at.x) && Number.isFinite(at.y);
  context.save();
  context.beginPath();
  context.rect(box.left, box.top, box.width, box.height);
  context.clip();
  context.lineJoin = 'round';
  lines.forEach((line, index) => {
    // On paper first, so that the line is seen over every colour.
    for (const [color, width, dash] of /** @type {[string, number, number[]][]} */ ([[ink.paper, WIDTH + 2.5, []], [ink.ink, WIDTH, dashOf(index)]])) {
      context.strokeStyle = color;
      context.lineWidth = width;
      context.setLineDash(dash);
      context.beginPath();
      line.forEach((at, i) => {
        if (!isPlace(at)) return;
        if (isPlace(line[i - 1])) context.lineTo(at.x, at.y);
        else context.moveTo(at.x, at.y);
      });
      context.stroke();
    }
  });
  context.setLineDash([]);
  context.restore();
  return (px, py) => {
    const near = lines.findIndex((line) => line.some((at, i) => i > 0 && isPlace(at) && isPlace(line[i - 1]) && distance(px, py, line[i - 1], at) <= REACH));
    return near < 0 ? null : frontiers[near].label;
  };
}
