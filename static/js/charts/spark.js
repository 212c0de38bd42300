/** A curve the size of a thumbnail: no axes, the range in two numbers at most. */
import { html, useRef } from '../html.js';
import { useDark } from '../theme.js';
import { fitCanvas, useDrawing } from '../frames/canvas.js';

/** @typedef {{steps: number[], values: number[], style: import('../arms.js').ArmStyle}} SparkLine */

/**
 * @param {CanvasRenderingContext2D} context @param {number} width @param {number} height @param {SparkLine[]} lines
 * @param {number | null} total end of the step axis, if the run goes on
 */
function drawSpark(context, width, height, lines, total) {
  context.clearRect(0, 0, width, height);
  const finite = lines.flatMap((line) => line.values.filter(Number.isFinite));
  if (finite.length === 0) return;
  let low = Infinity;
  let high = -Infinity;
  for (const value of finite) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const last = Math.max(...lines.map((line) => line.steps[line.steps.length - 1] ?? 0), 1);
  const end = total && total > last ? total : last;
  const first = lines.every((line) => line.steps.length < 2) ? 0 : Math.min(...lines.map((line) => line.steps[0] ?? 0));
  const x = (step) => 3 + ((step - first) / (end - first || 1)) * (width - 6);
  const y = (value) => height - 3 - ((value - low) / (high - low || 1)) * (height - 6);
  context.lineJoin = 'round';
  // The card's first arm last, so that it lies on top.
  for (const { steps, values, style } of [...lines].reverse()) {
    context.strokeStyle = style.color;
    context.lineWidth = Math.min(style.width, 1.5);
    context.setLineDash(style.dash);
    context.beginPath();
    let down = false;
    steps.forEach((step, i) => {
      if (!Number.isFinite(values[i])) down = false;
      else if (down) context.lineTo(x(step), y(values[i]));
      else {
        context.moveTo(x(step), y(values[i]));
        down = true;
      }
    });
    context.stroke();
    if (steps.length === 1 && Number.isFinite(values[0])) {
      context.fillStyle = style.color;
      context.beginPath();
      context.arc(x(steps[0]), y(values[0]), 2.5, 0, 2 * Math.PI);
      context.fill();
    }
  }
}

/** @param {{lines: SparkLine[], total?: number | null, height: number, label: string, version?: number}} props */
export function Spark({ lines, total = null, height, label, version = 0 }) {
  const canvas = useRef(/** @type {HTMLCanvasElement | null} */ (null));
  const dark = useDark();
  const draw = () => {
    const drawn = fitCanvas(canvas.current, height);
    if (drawn) drawSpark(drawn.context, drawn.width, height, lines, total);
  };
  useDrawing(canvas, draw, [lines, total, height, dark, version]);
  return html`<canvas ref=${canvas} class="spark" role="img" aria-label=${label}></canvas>`;
}
