/** Parallel coordinates of the compared runs: an upright axis a value, a line a run; dragging along an axis keeps the runs that pass there. */
import { linearTicks } from '../charts/ranges.js';
import { fitCanvas, useDrawing } from '../frames/canvas.js';
import { html, useRef, useState } from '../html.js';
import { inks, useDark } from '../theme.js';
import { axisOf, rangeOf } from './axis_values.js';

const HEIGHT = 340;
const [TOP, BOTTOM, LEFT, RIGHT] = [44, 16, 72, 72];
const MOST_OWN_TICKS = 6;
/** An axis is meant from this many pixels away. */
const REACH = 24;

/** @typedef {import('./axis_values.js').Axis} Axis */
/** @typedef {Record<string, [number, number]>} Brushes kept parts of axes, by name */

/** Which runs pass all brushes. @param {import('../types.js').Run} run @param {Axis[]} axes @param {Brushes} brushes */
const passes = (run, axes, brushes) =>
  axes.every((axis) => !brushes[axis.name] || (axis.at(run) >= brushes[axis.name][0] && axis.at(run) <= brushes[axis.name][1]));

/**
 * @param {{dots: import('./scatter.js').Dot[], names: string[], brushes: Brushes, onBrush: (brushes: Brushes) => void}} props
 */
export function ParallelCoordinates({ dots, names, brushes, onBrush }) {
  const canvas = useRef(/** @type {HTMLCanvasElement | null} */ (null));
  const dark = useDark();
  const runs = dots.map((dot) => dot.run);
  const axes = names.map((name) => axisOf(name, runs));
  /** @type {[number, number][]} */
  const ranges = axes.map((axis) => (axis.words ? /** @type {[number, number]} */ ([-0.5, Math.max(0.5, axis.words.length - 0.5)]) : (rangeOf(runs.map(axis.at)) ?? [0, 1])));
  const [drag, setDrag] = useState(/** @type {{axis: number, from: number, to: number} | null} */ (null));
  const kept = dots.filter((dot) => passes(dot.run, axes, brushes));
  const width = () => canvas.current?.clientWidth ?? 0;
  const xOf = (index, all = width()) => LEFT + (axes.length > 1 ? (index * (all - LEFT - RIGHT)) / (axes.length - 1) : 0);
  const yOf = (index, value) => HEIGHT - BOTTOM - ((value - ranges[index][0]) / (ranges[index][1] - ranges[index][0])) * (HEIGHT - TOP - BOTTOM);
  const valueAt = (index, y) => ranges[index][0] + ((HEIGHT - BOTTOM - y) / (HEIGHT - TOP - BOTTOM)) * (ranges[index][1] - ranges[index][0]);
  const draw = () => {
    const fitted = fitCanvas(canvas.current, HEIGHT);
    if (fitted) drawAll(fitted.context, fitted.width);
  };
  useDrawing(canvas, draw, [dots, names.join(), brushes, drag, dark]);

  /** @param {CanvasRenderingContext2D} context @param {number} all its width */
  function drawAll(context, all) {
    const ink = inks();
    const line = (dot, alpha) => {
      context.strokeStyle = dot.color + alpha;
      context.beginPath();
      let down = false;
      axes.forEach((axis, index) => {
        const value = axis.at(dot.run);
        // A run without a value has a gap there, and never a made-up place.
        if (!Number.isFinite(value)) down = false;
        else if (down) context.lineTo(xOf(index, all), yOf(index, value));
        else {
          context.moveTo(xOf(index, all), yOf(index, value));
          down = true;
        }
      });
      context.stroke();
    };
    context.lineWidth = 1;
    dots.filter((dot) => !kept.includes(dot)).forEach((dot) => line(dot, '18'));
    context.lineWidth = 1.5;
    kept.forEach((dot) => line(dot, kept.length > 60 ? '70' : 'c0'));
    context.font = ink.font;
    axes.forEach((axis, index) => {
      const x = xOf(index, all);
      context.strokeStyle = ink.axis;
      context.fillStyle = ink.axis;
      context.lineWidth = 1;
      context.beginPath();
      context.moveTo(x, TOP);
      context.lineTo(x, HEIGHT - BOTTOM);
      context.stroke();
      const isLast = index === axes.length - 1;
      context.textBaseline = 'middle';
      context.textAlign = isLast ? 'left' : 'right';
      const side = isLast ? 6 : -6;
      // A few values are their own ticks: no seed lies at 1.5.
      const values = [...new Set(runs.map(axis.at).filter(Number.isFinite))];
      const ticks = axis.words ? axis.words.map((_, place) => place) : values.length <= MOST_OWN_TICKS ? values : linearTicks(ranges[index], 4);
      for (const tick of ticks) {
        const text = axis.show(tick);
        context.fillText(text.length > 12 ? `${text.slice(0, 11)}…` : text, x + side, yOf(index, tick));
      }
      const room = axes.length > 1 ? (all - LEFT - RIGHT) / (axes.length - 1) : all;
      context.textAlign = 'center';
      context.fillStyle = ink.ink;
      // Every other title a line lower, so that neighbours do not meet.
      context.fillText(fitted(context, axis.title, room * 1.7), x, index % 2 === 0 ? 12 : 28);
      const brush = drag?.axis === index ? sorted(drag.from, drag.to) : brushes[axis.name];
      if (brush) {
        const [top, bottom] = [yOf(index, brush[1]), yOf(index, brush[0])];
        context.fillStyle = `${ink.ink}20`;
        context.strokeStyle = ink.ink;
        context.fillRect(x - 8, top, 16, bottom - top);
        context.strokeRect(x - 8, top, 16, bottom - top);
      }
    });
  }
  const axisNear = (x) => axes.findIndex((_, index) => Math.abs(xOf(index) - x) <= REACH);
  const onDown = (event) => {
    const axis = axisNear(event.offsetX);
    if (axis < 0) return;
    event.currentTarget.setPointerCapture(event.pointerId);
    const value = valueAt(axis, event.offsetY);
    setDrag({ axis, from: value, to: value });
  };
  const onUp = (event) => {
    if (!drag) return;
    const { [axes[drag.axis].name]: _, ...others } = brushes;
    const [low, high] = sorted(drag.from, valueAt(drag.axis, event.offsetY));
    const isClick = Math.abs(yOf(drag.axis, low) - yOf(drag.axis, high)) < 4;
    onBrush(isClick ? others : { ...others, [axes[drag.axis].name]: [low, high] });
    setDrag(null);
  };
  return html`<div class="frame-body parallel">
    <canvas ref=${canvas} role="img" aria-label=${`${axes.map((axis) => axis.title).join(', ')} of ${dots.length} runs`}
      onPointerDown=${onDown} onPointerMove=${(event) => drag && setDrag({ ...drag, to: valueAt(drag.axis, event.offsetY) })} onPointerUp=${onUp}></canvas>
    <p class="quiet note">${Object.keys(brushes).length > 0
      ? html`<b class="number">${kept.length}</b> of ${dots.length} runs pass the marked parts. <button class="mini" onClick=${() => onBrush({})}>Show all</button>`
      : 'Drag along an axis to keep the runs that pass there.'}</p>
  </div>`;
}

/** @param {number} a @param {number} b @returns {[number, number]} */
const sorted = (a, b) => (a < b ? [a, b] : [b, a]);

/** @param {CanvasRenderingContext2D} context @param {string} text @param {number} width */
function fitted(context, text, width) {
  if (context.measureText(text).width <= width) return text;
  let short = text;
  while (short.length > 4 && context.measureText(`…${short}`).width > width) short = short.slice(1);
  return `…${short}`;
}
