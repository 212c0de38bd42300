/** Scatter of the compared runs: one value against another, a dot a run, in the colour of its group. */
import { linearRange } from '../charts/ranges.js';
import { drawAxes, fitCanvas, useDrawing } from '../frames/canvas.js';
import { html, useRef, useState } from '../html.js';
import { navigate } from '../router.js';
import { inks, useDark } from '../theme.js';
import { axisOf } from './axis_values.js';

const HEIGHT = 320;
const RADIUS = 4;
/** A dot is meant from this many pixels away. */
const REACH = 12;

/** @typedef {{run: import('../types.js').Run, color: string, group: string}} Dot */

/** @param {{dots: Dot[], x: string, y: string, pageOf: (run: import('../types.js').Run) => string}} props `pageOf` is the address behind a dot */
export function Scatter({ dots, x, y, pageOf }) {
  const canvas = useRef(/** @type {HTMLCanvasElement | null} */ (null));
  const placed = useRef(/** @type {{dot: Dot, left: number, top: number}[]} */ ([]));
  const [near, setNear] = useState(/** @type {{dot: Dot, left: number, top: number} | null} */ (null));
  const dark = useDark();
  const runs = dots.map((dot) => dot.run);
  const [xAxis, yAxis] = [axisOf(x, runs), axisOf(y, runs)];
  const known = dots.filter(({ run }) => Number.isFinite(xAxis.at(run)) && Number.isFinite(yAxis.at(run)));
  const draw = () => {
    const fitted = fitCanvas(canvas.current, HEIGHT);
    if (!fitted || known.length === 0) return;
    const { context, width } = fitted;
    const range = (axis) => {
      const values = known.map(({ run }) => axis.at(run));
      return axis.words ? /** @type {[number, number]} */ ([-0.5, axis.words.length - 0.5]) : linearRange(Math.min(...values), Math.max(...values), null);
    };
    const place = drawAxes(context, width, HEIGHT, { range: range(xAxis), log: false, title: xAxis.title }, { range: range(yAxis), log: false, title: yAxis.title }, inks());
    placed.current = known.map((dot) => ({ dot, left: place.x(xAxis.at(dot.run)), top: place.y(yAxis.at(dot.run)) }));
    for (const { dot, left, top } of placed.current) {
      context.beginPath();
      context.arc(left, top, RADIUS, 0, 2 * Math.PI);
      context.fillStyle = `${dot.color}b0`;
      context.fill();
    }
  };
  useDrawing(canvas, draw, [dots, x, y, dark]);
  const onMove = (event) => {
    const { offsetX, offsetY } = event;
    const distance = ({ left, top }) => Math.hypot(left - offsetX, top - offsetY);
    const nearest = placed.current.reduce((best, one) => (!best || distance(one) < distance(best) ? one : best), /** @type {typeof near} */ (null));
    setNear(nearest && distance(nearest) <= REACH ? nearest : null);
  };
  if (known.length === 0) return html`<p class="quiet">No run has both values yet.</p>`;
  return html`<div class="frame-body scatter">
    <canvas ref=${canvas} role="img" aria-label=${`${yAxis.title} over ${xAxis.title}, ${known.length} runs`} onPointerMove=${onMove} onPointerLeave=${() => setNear(null)}
      onClick=${() => near && navigate(pageOf(near.dot.run))}></canvas>
    ${near && html`<div class="tip" style=${{ left: `${Math.min(near.left + 10, (canvas.current?.clientWidth ?? 400) - 200)}px`, top: `${near.top + 10}px` }}>
      <b>${near.dot.run.name || `${near.dot.run.experiment} · seed ${near.dot.run.seed}`}</b><br />${near.dot.group}<br />${xAxis.title} ${xAxis.show(xAxis.at(near.dot.run))}<br />${yAxis.title} ${yAxis.show(yAxis.at(near.dot.run))}</div>`}
    ${known.length < dots.length && html`<p class="quiet note">${dots.length - known.length} of ${dots.length} runs have no such value.</p>`}
  </div>`;
}
