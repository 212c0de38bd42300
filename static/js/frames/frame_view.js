/** Draws one frame of any kind on a canvas and tells what lies under the pointer. */
import { armStyle } from '../arms.js';
import { html, useEffect, useRef, useState } from '../html.js';
import { inks, useDark } from '../theme.js';
import { fitCanvas, useDrawing } from './canvas.js';
import { drawGraph } from './graph.js';
import { drawHeatmap } from './heatmap.js';
import { drawHistogram } from './histogram.js';
import { curveStyles, drawPlot } from './plot.js';
import { drawRaster } from './raster.js';
import { changesSince, changeText, graphOf } from './wiring.js';

/** @typedef {(x: number, y: number) => string | null} Probe */
/** @typedef {import('../types.js').FrameRef} FrameRef */
/** @typedef {{ref: FrameRef, frame: any, earlier: any}} Shown a frame, and for a graph the one before it */

/** A graph of the frame and what has changed since the earlier one. @param {Shown} shown */
function wiringOf({ ref, frame, earlier }) {
  const graph = graphOf(ref.kind, frame);
  const before = earlier && graphOf(ref.kind, earlier);
  return { graph, changes: graph && before ? changesSince(graph, before) : null };
}

/** @param {Shown} shown @param {boolean} asGraph @returns {Probe} */
function drawKind(shown, asGraph, context, width, height, arms) {
  const { frame, ref: { kind, arm } } = shown;
  const ink = inks();
  if (asGraph) {
    const { graph, changes } = wiringOf(shown);
    if (graph) return drawGraph(context, width, height, graph, ink, changes);
  }
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

/** Whether an element can be seen, or nearly; what cannot is neither loaded nor drawn. @param {{current: Element | null}} element */
function useVisible(element) {
  const [visible, setVisible] = useState(false);
  useEffect(() => {
    if (!element.current) return undefined;
    const seer = new IntersectionObserver((entries) => setVisible(entries[entries.length - 1].isIntersecting), { rootMargin: '200px' });
    seer.observe(element.current);
    return () => seer.disconnect();
  }, []);
  return visible;
}

/**
 * @param {{frameRef: FrameRef | null, cache: import('./frame_cache.js').FrameCache, arms: import('../types.js').Arm[], height: number,
 *   asGraph?: boolean, earlierRef?: FrameRef | null}} props `asGraph` draws connections as a graph, with what has changed since `earlierRef`
 */
export function FrameView({ frameRef, cache, arms, height, asGraph = false, earlierRef = null }) {
  const body = useRef(/** @type {HTMLElement | null} */ (null));
  const visible = useVisible(body);
  return html`<div class="frame-body" ref=${body} style=${{ minHeight: `${height}px` }}>
    ${frameRef
      ? html`<${Picture} frameRef=${frameRef} cache=${cache} arms=${arms} height=${height} asGraph=${asGraph} earlierRef=${earlierRef} visible=${visible} />`
      : html`<div class="frame-empty" style=${{ minHeight: `${height}px` }}><p>The first picture comes with the first step that records one.</p></div>`}
  </div>`;
}

/**
 * @param {{frameRef: FrameRef, cache: import('./frame_cache.js').FrameCache, arms: import('../types.js').Arm[], height: number,
 *   asGraph: boolean, earlierRef: FrameRef | null, visible: boolean}} props
 */
function Picture({ frameRef, cache, arms, height, asGraph, earlierRef, visible }) {
  const dark = useDark();
  const canvas = useRef(/** @type {HTMLCanvasElement | null} */ (null));
  const probe = useRef(/** @type {Probe} */ (() => null));
  const tip = useRef(/** @type {HTMLElement | null} */ (null));
  const [shown, setShown] = useState(/** @type {Shown | null} */ (null));
  const wantsEarlier = asGraph ? earlierRef : null;
  const [error, setError] = useState('');

  useEffect(() => {
    if (!visible || frameRef.kind === 'image') return undefined;
    const [here, before] = [cache.peek(frameRef), wantsEarlier && cache.peek(wantsEarlier)];
    if (here && (before || !wantsEarlier)) {
      setShown({ ref: frameRef, frame: here, earlier: before });
      return undefined;
    }
    // While the slider is dragged the last frame stays; only the place where it rests is asked for.
    let wanted = true;
    const timer = setTimeout(() => {
      Promise.all([cache.load(frameRef), wantsEarlier && cache.load(wantsEarlier)]).then(
        ([frame, earlier]) => {
          setError('');
          if (wanted) setShown({ ref: frameRef, frame, earlier });
        },
        () => wanted && setError('This frame could not be loaded. Move the slider to try again.'),
      );
    }, shown ? 40 : 0);
    return () => {
      wanted = false;
      clearTimeout(timer);
    };
  }, [frameRef.seq, wantsEarlier?.seq, visible]);

  const draw = () => {
    const drawn = fitCanvas(canvas.current, height);
    if (drawn && shown) probe.current = drawKind(shown, asGraph, drawn.context, drawn.width, height, arms);
  };
  useDrawing(canvas, shown && visible ? draw : null, [shown, height, dark, asGraph, visible]);

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

  if (frameRef.kind === 'image') {
    return visible && html`<img class="frame-image" src=${cache.url(frameRef)} alt=${`${frameRef.name} at step ${frameRef.step}`} style=${{ maxHeight: `${height}px` }} />`;
  }
  const label = `${frameRef.name}${asGraph ? ' as a graph' : ''}, step ${frameRef.step}`;
  const changes = asGraph && shown?.earlier && wantsEarlier ? wiringOf(shown).changes : null;
  return html`<div class="frame-canvas" onPointerMove=${onMove} onPointerLeave=${onLeave}>
    <canvas ref=${canvas} role="img" aria-label=${label}></canvas>
    <div class="tip" ref=${tip} hidden></div>
    ${error && html`<p class="fault">${error}</p>`}
    ${asGraph && html`<p class="quiet number wiring-changes">${changes && wantsEarlier ? changeText(changes, wantsEarlier.step) : 'no earlier picture to compare with'}</p>`}
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
