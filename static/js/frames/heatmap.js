/** Draws a matrix as colours, with its scale in numbers. */
import { formatTick, toNumber } from '../format.js';
import { shortened } from './canvas.js';
import { colorScale } from './colors.js';
import { drawDots } from './dots.js';
import { drawFrontiers } from './frontiers.js';

/** Labels are drawn where they do not touch. Of more than this many numbers a few will do: they are the values along an axis. */
const MANY = 24;
const FEW = 5;

/**
 * @typedef {{rows: number, columns: number, values: any[], min: any, max: any, row_labels?: string[], column_labels?: string[],
 *   x_title: string, y_title: string, colour: 'sequential' | 'diverging', frontiers?: import('./frontiers.js').Frontier[], dots?: import('./dots.js').Dots}} Heatmap
 */

/** Values as numbers, converted once per frame. @type {WeakMap<object, Float64Array>} */
const numbers = new WeakMap();
/** @param {Heatmap} frame */
function valuesOf(frame) {
  let values = numbers.get(frame);
  if (!values) numbers.set(frame, (values = Float64Array.from(frame.values, toNumber)));
  return values;
}

/** @param {Heatmap} frame @param {number} width CSS pixels @returns {number} the height it wants */
export function heatmapHeight(frame, width) {
  const wanted = ((width - 110) * frame.rows) / Math.max(1, frame.columns);
  return Math.round(Math.max(120, Math.min(320, wanted + 40)));
}

/**
 * @param {CanvasRenderingContext2D} context @param {number} width @param {number} height @param {Heatmap} frame
 * @param {ReturnType<typeof import('../theme.js').inks>} ink
 * @returns {(x: number, y: number) => string | null} what lies at a place, for the pointer
 */
export function drawHeatmap(context, width, height, frame, ink) {
  const { rows, columns } = frame;
  const values = valuesOf(frame);
  const scale = colorScale(frame.colour, toNumber(frame.min), toNumber(frame.max));
  context.font = ink.font;
  const measure = (labels) => Math.max(0, ...labels.map((label) => context.measureText(label).width));
  const { row_labels: rowLabels, column_labels: columnLabels } = frame;
  const apart = (/** @type {string[]} */ labels) => (labels.length > MANY && labels.every((label) => Number.isFinite(Number(label))) ? Math.ceil((labels.length - 1) / (FEW - 1)) : 1);
  const left = 16 + (rowLabels ? Math.min(72, measure(rowLabels) + 6) : measure([String(rows - 1)]) + 6);
  const bottom = 34;
  const right = 68;
  // Cells are squares unless the matrix is far from square, or a diagram over two quantities; then it fills the place it has.
  let cellWidth = (width - left - right) / columns;
  let cellHeight = (height - 8 - bottom) / rows;
  const isDiagram = !!frame.frontiers?.length || !!frame.dots;
  if (!isDiagram && Math.max(rows, columns) / Math.min(rows, columns) < 4) cellWidth = cellHeight = Math.min(cellWidth, cellHeight);
  const free = Math.max(0, width - left - right - cellWidth * columns);
  const box = { left: left + Math.floor(free / 2), top: 8, width: cellWidth * columns, height: cellHeight * rows };

  const image = new ImageData(columns, rows);
  for (let i = 0; i < rows * columns; i += 1) {
    if (Number.isNaN(values[i])) continue;
    const [r, g, b] = scale.color(values[i]);
    image.data.set([r, g, b, 255], i * 4);
  }
  const cells = document.createElement('canvas');
  cells.width = columns;
  cells.height = rows;
  cells.getContext('2d')?.putImageData(image, 0, 0);
  hatch(context, box, ink);
  context.imageSmoothingEnabled = false;
  context.drawImage(cells, box.left, box.top, box.width, box.height);
  const nameAt = drawFrontiers(context, box, rows, columns, frame.frontiers ?? [], ink);
  const dotAt = drawDots(context, box, rows, columns, frame.dots, scale, ink);
  context.strokeStyle = ink.axis;
  context.lineWidth = 1;
  context.strokeRect(box.left - 0.5, box.top - 0.5, box.width + 1, box.height + 1);

  context.fillStyle = ink.axis;
  context.textBaseline = 'middle';
  context.textAlign = 'right';
  const everyRow = rowLabels ? Math.max(apart(rowLabels), Math.ceil(12 / cellHeight)) : Math.max(1, rows - 1);
  for (let row = 0; row < rows; row += everyRow) {
    context.fillText(rowLabels ? rowLabels[row] : String(row), box.left - 5, box.top + (row + 0.5) * cellHeight, 72);
  }
  context.textAlign = 'center';
  context.textBaseline = 'top';
  const labelWidth = columnLabels ? measure(columnLabels) + 6 : 0;
  const everyColumn = columnLabels ? Math.max(apart(columnLabels), Math.ceil(labelWidth / cellWidth)) : Math.max(1, columns - 1);
  for (let column = 0; column < columns; column += everyColumn) {
    const text = columnLabels ? columnLabels[column] : String(column);
    context.fillText(text, box.left + (column + 0.5) * cellWidth, box.top + box.height + 5);
  }
  const middle = box.left + box.width / 2;
  context.fillText(shortened(context, frame.x_title, 2 * Math.min(middle, width - middle)), middle, box.top + box.height + 20);
  context.save();
  context.translate(box.left - left + 7, box.top + box.height / 2);
  context.rotate(-Math.PI / 2);
  context.textBaseline = 'middle';
  context.fillText(shortened(context, frame.y_title, box.height + 16), 0, 0);
  context.restore();

  drawScale(context, box.left + box.width + 14, box.top, box.height, scale, ink);

  return (x, y) => {
    const column = Math.floor((x - box.left) / cellWidth);
    const row = Math.floor((y - box.top) / cellHeight);
    if (column < 0 || row < 0 || column >= columns || row >= rows) return null;
    const rowName = frame.row_labels?.[row] ?? row;
    const columnName = frame.column_labels?.[column] ?? column;
    const dot = dotAt(x, y);
    if (dot) return `${dot}; ${frame.y_title} ${rowName}, ${frame.x_title} ${columnName}: ${frame.values[row * columns + column]}`;
    const line = nameAt(x, y);
    return `${line ? `${line}; ` : ''}${frame.y_title} ${rowName}, ${frame.x_title} ${columnName}: ${frame.values[row * columns + column]}`;
  };
}

/** The ground under cells that have no number. */
function hatch(context, box, ink) {
  context.save();
  context.beginPath();
  context.rect(box.left, box.top, box.width, box.height);
  context.clip();
  context.strokeStyle = ink.grid;
  context.beginPath();
  for (let x = box.left - box.height; x < box.left + box.width; x += 5) {
    context.moveTo(x, box.top + box.height);
    context.lineTo(x + box.height, box.top);
  }
  context.stroke();
  context.restore();
}

function drawScale(context, left, top, height, scale, ink) {
  const steps = 64;
  for (let i = 0; i < steps; i += 1) {
    const [r, g, b] = scale.color(scale.high - ((i + 0.5) / steps) * (scale.high - scale.low));
    context.fillStyle = `rgb(${r}, ${g}, ${b})`;
    context.fillRect(left, top + (i * height) / steps, 8, height / steps + 0.5);
  }
  context.strokeStyle = ink.axis;
  context.strokeRect(left - 0.5, top - 0.5, 9, height + 1);
  context.fillStyle = ink.axis;
  context.textAlign = 'left';
  context.textBaseline = 'middle';
  const show = (value) => formatTick(+value.toPrecision(3));
  const places = height > 80 ? [0, 0.25, 0.5, 0.75, 1] : [0, 0.5, 1];
  for (const place of places) {
    const value = scale.low + place * (scale.high - scale.low);
    context.fillText(show(Math.abs(value) < 1e-12 ? 0 : value), left + 13, top + (1 - place) * height);
  }
}
