/** Draws one frame of any kind on a canvas and tells what lies under the pointer. */
import { html, useEffect, useRef, useState } from '../html.js';
import { useDark } from '../theme.js';
import { fitCanvas, useDrawing } from './canvas.js';
import { drawFrame, legendOf, wiringOf } from './draw.js';
import { changeText } from './wiring.js';

/** @typedef {import('../types.js').FrameRef} FrameRef */

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
  const probe = useRef(/** @type {import('./draw.js').Probe} */ (() => null));
  const tip = useRef(/** @type {HTMLElement | null} */ (null));
  const [shown, setShown] = useState(/** @type {import('./draw.js').Shown | null} */ (null));
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
    if (drawn && shown) probe.current = drawFrame(shown, asGraph, drawn.context, drawn.width, height, arms);
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
    ${shown && !asGraph && html`<${Legend} rows=${legendOf(shown, arms)} />`}
  </div>`;
}

/** @param {{rows: import('./draw.js').LegendRow[]}} props */
function Legend({ rows }) {
  if (rows.length === 0) return null;
  return html`<ul class="plot-legend">
    ${rows.map(
      ({ label, word, mark, style }) => html`<li class=${style ? '' : 'quiet'}>
        ${style && html`<svg width="20" height="8" aria-hidden="true"><${Mark} mark=${mark} style=${style} /></svg>`}
        ${label} ${word && html`<span class="quiet">${word}</span>`}
      </li>`,
    )}
  </ul>`;
}

/** @param {{mark: import('./draw.js').LegendRow['mark'], style: {color: string, dash: number[]}}} props */
function Mark({ mark, style: { color, dash } }) {
  if (mark === 'point') return html`<circle cx="10" cy="4" r="3" fill=${color} />`;
  if (mark === 'bar') return html`<rect x="6" width="8" height="8" fill=${color} />`;
  if (mark === 'outline') return html`<rect x="6.5" y="0.5" width="7" height="7" fill="none" stroke=${color} />`;
  return html`<line x1="0" x2="20" y1="4" y2="4" stroke=${color} stroke-width="1.5" stroke-dasharray=${dash.join(' ')} />`;
}
