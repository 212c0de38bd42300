/** Canvases as sharp as the screen, and the axes that several kinds of frame share. */
import { linearTicks, logTicks } from '../charts/ranges.js';
import { formatTick } from '../format.js';
import { useEffect } from '../html.js';

/**
 * Draws on a canvas with the next frame after an input has changed, and anew whenever the canvas's parent changes its size.
 * @param {{current: HTMLCanvasElement | null}} canvas @param {(() => void) | null} draw `null` while there is nothing to draw @param {readonly any[]} inputs
 */
export function useDrawing(canvas, draw, inputs) {
  useEffect(() => {
    if (!draw) return undefined;
    const frame = requestAnimationFrame(draw);
    const resizer = new ResizeObserver(draw);
    if (canvas.current?.parentElement) resizer.observe(canvas.current.parentElement);
    return () => {
      cancelAnimationFrame(frame);
      resizer.disconnect();
    };
  }, inputs);
}

/**
 * Sizes a canvas to its parent's width for the screen's pixels and clears it; drawing then happens in CSS pixels.
 * @param {HTMLCanvasElement | null} canvas @param {number} height CSS pixels
 * @returns {{context: CanvasRenderingContext2D, width: number, height: number} | null}
 */
export function fitCanvas(canvas, height) {
  const width = canvas?.parentElement?.clientWidth ?? 0;
  const context = canvas?.getContext('2d');
  if (!canvas || !context || width === 0) return null;
  const ratio = devicePixelRatio || 1;
  const [deviceWidth, deviceHeight] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== deviceWidth || canvas.height !== deviceHeight) {
    canvas.width = deviceWidth;
    canvas.height = deviceHeight;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

/**
 * As much of a text as there is room for, an ellipsis in place of the rest; what a pointer is told has it whole.
 * @param {CanvasRenderingContext2D} context @param {string} text @param {number} room CSS pixels
 */
export function shortened(context, text, room) {
  if (context.measureText(text).width <= room) return text;
  const letters = [...text];
  while (letters.length > 1 && context.measureText(`${letters.join('')}…`).width > room) letters.pop();
  return `${letters.join('').trimEnd()}…`;
}

/** @typedef {{left: number, top: number, width: number, height: number}} Box */
/** @typedef {{range: [number, number], log: boolean, title: string, ticks?: number[]}} AxisSpec `ticks` in place of round ones */

/** Where a value lies on an axis, 0 to 1. @param {AxisSpec} axis @param {number} value */
export function placeOn({ range: [low, high], log }, value) {
  if (log) return value > 0 ? Math.log(value / low) / Math.log(high / low) : -Infinity;
  return (value - low) / (high - low);
}

/**
 * Draws grid, ticks and titles of two axes around the plotting area they leave.
 * @param {CanvasRenderingContext2D} context @param {number} width @param {number} height
 * @param {AxisSpec} xAxis @param {AxisSpec} yAxis @param {ReturnType<typeof import('../theme.js').inks>} ink
 * @param {{top?: number, left?: number, isBare?: boolean}} [place] upper edge, the least left edge of the area, and whether the horizontal axis
 *   has no labels here, since another one below has them
 * @returns {{box: Box, x: (value: number) => number, y: (value: number) => number}}
 */
export function drawAxes(context, width, height, xAxis, yAxis, ink, { top = 0, left = 0, isBare = false } = {}) {
  context.font = ink.font;
  const yTicks = (yAxis.ticks ?? (yAxis.log ? logTicks(yAxis.range) : linearTicks(yAxis.range, 5))).map((at) => ({ at, text: formatTick(at) }));
  const labelWidth = Math.max(16, ...yTicks.map(({ text }) => context.measureText(text).width));
  const titleWidth = yAxis.title ? 16 : 0;
  const box = { left: Math.max(left, titleWidth + labelWidth + 8), top: top + 8, width: 0, height: 0 };
  box.width = Math.max(20, width - box.left - 12);
  box.height = Math.max(20, height - box.top - (isBare ? 4 : xAxis.title ? 38 : 24));
  const x = (value) => box.left + placeOn(xAxis, value) * box.width;
  const y = (value) => box.top + (1 - placeOn(yAxis, value)) * box.height;
  const xTicks = xAxis.ticks ?? (xAxis.log ? logTicks(xAxis.range) : linearTicks(xAxis.range, Math.max(2, Math.floor(box.width / 70))));
  context.lineWidth = 1;
  context.strokeStyle = ink.grid;
  context.fillStyle = ink.axis;
  context.beginPath();
  for (const { at } of yTicks) {
    const line = Math.round(y(at)) + 0.5;
    context.moveTo(box.left, line);
    context.lineTo(box.left + box.width, line);
  }
  for (const at of xTicks) {
    const line = Math.round(x(at)) + 0.5;
    context.moveTo(line, box.top);
    context.lineTo(line, box.top + box.height + 4);
  }
  context.stroke();
  context.textAlign = 'right';
  context.textBaseline = 'middle';
  for (const { at, text } of yTicks) context.fillText(text, box.left - 6, y(at));
  context.textAlign = 'center';
  context.textBaseline = 'top';
  if (!isBare) for (const at of xTicks) context.fillText(formatTick(at), x(at), box.top + box.height + 7);
  const middle = box.left + box.width / 2;
  if (xAxis.title && !isBare) context.fillText(shortened(context, xAxis.title, 2 * Math.min(middle, width - middle)), middle, height - 13);
  if (yAxis.title) {
    context.save();
    context.translate(6, box.top + box.height / 2);
    context.rotate(-Math.PI / 2);
    context.textBaseline = 'middle';
    context.fillText(shortened(context, yAxis.title, box.height + 8), 0, 0);
    context.restore();
  }
  return { box, x, y };
}
