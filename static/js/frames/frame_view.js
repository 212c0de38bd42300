/** Draws one frame of any kind on a canvas and tells what lies under the pointer. */
import { armStyle } from '../arms.js';
import { html, useEffect, useRef, useState } from '../html.js';
import { inks, useDark } from '../theme.js';
import { fitCanvas } from './canvas.js';
import { drawGraph } from './graph.js';
import { drawHeatmap } from './heatmap.js';
import { drawHistogram } from './histogram.js';
import { curveStyles, drawPlot } from './plot.js';
import { drawRaster } from './raster.js';

/** @typedef {(x: number, y: number) => string | null} Probe */

/** @returns {Probe} */
function drawKind(kind, context, width, height, frame, arms, arm) {
  const ink = inks();
  const color = arm === null ? null : armStyle(arms, arm).color;
  if (kind === 'heatmap') return drawHeatmap(context, width, height, frame, ink);
  if (kind === 'plot') return drawPlot(context, width, height, frame, ink, arms);
  if (kind === 'histogram') return drawHistogram(context, width, height, frame, ink, color);
  if (kind === 'raster') return drawRaster(context, width, height, frame, ink, color);
  if (kind === 'graph') return drawGraph(context, width, height, frame, ink);
  context.fillStyle = ink.axis;
  context.font = ink.font;
  context.fillText(`This version cannot draw frames of the kind "${kind}".`, 8, 20);
  return () => null;
}

/**
 * @param {{frameRef: import('../types.js').FrameRef | null, cache: import('./frame_cache.js').FrameCache,
 *   arms: import('../types.js').Arm[], height: number}} props
 */
export function FrameView({ frameRef, cache, arms, height }) {
  const dark = useDark();
  const canvas = useRef(/** @type {HTMLCanvasElement | null} */ (null));
  const probe = useRef(/** @type {Probe} */ (() => null));
  const tip = useRef(/** @type {HTMLElement | null} */ (null));
  const [shown, setShown] = useState(/** @type {{ref: import('../types.js').FrameRef, frame: any} | null} */ (null));
  const [error, setError] = useState('');

  useEffect(() => {
    if (!frameRef || frameRef.kind === 'image') return undefined;
    const here = cache.peek(frameRef);
    if (here) {
      setShown({ ref: frameRef, frame: here });
      return undefined;
    }
    // While the slider is dragged the last frame stays; only the place where it rests is asked for.
    let wanted = true;
    const timer = setTimeout(() => {
      cache.load(frameRef).then(
        (frame) => {
          setError('');
          if (wanted) setShown({ ref: frameRef, frame });
        },
        () => wanted && setError('This frame could not be loaded. Move the slider to try again.'),
      );
    }, shown ? 40 : 0);
    return () => {
      wanted = false;
      clearTimeout(timer);
    };
  }, [frameRef?.seq]);

  useEffect(() => {
    if (!shown) return undefined;
    const draw = () => {
      const drawn = fitCanvas(canvas.current, height);
      if (drawn) probe.current = drawKind(shown.ref.kind, drawn.context, drawn.width, height, shown.frame, arms, shown.ref.arm);
    };
    const frame = requestAnimationFrame(draw);
    const resizer = new ResizeObserver(draw);
    if (canvas.current?.parentElement) resizer.observe(canvas.current.parentElement);
    return () => {
      cancelAnimationFrame(frame);
      resizer.disconnect();
    };
  }, [shown, height, dark]);

  const onMove = (event) => {
    const bounds = event.currentTarget.getBoundingClientRect();
    const [x, y] = [event.clientX - bounds.left, event.clientY - bounds.top];
    const text = probe.current(x, y);
    if (!tip.current) return;
    tip.current.hidden = !text;
    tip.current.textContent = text ?? '';
    tip.current.style.left = `${Math.max(0, Math.min(x + 12, bounds.width - tip.current.offsetWidth))}px`;
    tip.current.style.top = `${y + 16}px`;
  };
  const onLeave = () => tip.current && (tip.current.hidden = true);

  const style = { minHeight: `${height}px` };
  if (!frameRef) return html`<div class="frame-empty" style=${style}><p>The first picture comes with the first step that records one.</p></div>`;
  if (frameRef.kind === 'image') {
    return html`<div class="frame-body" style=${style}>
      <img class="frame-image" src=${cache.url(frameRef)} alt=${`${frameRef.name} at step ${frameRef.step}`} style=${{ maxHeight: `${height}px` }} />
    </div>`;
  }
  const label = `${frameRef.name}, step ${frameRef.step}`;
  return html`<div class="frame-body" style=${style} onPointerMove=${onMove} onPointerLeave=${onLeave}>
    <canvas ref=${canvas} role="img" aria-label=${label}></canvas>
    <div class="tip" ref=${tip} hidden></div>
    ${error && html`<p class="fault">${error}</p>`}
    ${shown?.ref.kind === 'plot' && html`<${PlotLegend} plot=${shown.frame} arms=${arms} />`}
  </div>`;
}

/** @param {{plot: import('./plot.js').Plot, arms: import('../types.js').Arm[]}} props */
function PlotLegend({ plot, arms }) {
  const styles = curveStyles(plot, arms);
  const hollow = plot.curves.some((curve) => curve.converged?.includes(false));
  return html`<ul class="plot-legend">
    ${plot.curves.map(
      (curve, i) => html`<li>
        <svg width="20" height="8" aria-hidden="true">
          ${curve.role === 'theory'
            ? html`<line x1="0" x2="20" y1="4" y2="4" stroke=${styles[i].color} stroke-width="1.5" stroke-dasharray=${styles[i].dash.join(' ')} />`
            : html`<circle cx="10" cy="4" r="3" fill=${styles[i].color} />`}
        </svg>
        ${curve.label} <span class="quiet">${curve.role}</span>
      </li>`,
    )}
    ${hollow && html`<li class="quiet">hollow: the solver did not converge</li>`}
  </ul>`;
}
