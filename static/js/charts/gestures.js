/** Moving about in a chart: drag to zoom, shift-drag or the horizontal wheel to pan, double click for the whole, keys for the same, and fingers. */
import { bindFingers } from './fingers.js';
import { keptInside, panned, zoomed } from './moves.js';

/** A zoom key or button makes the part looked at so much shorter. */
const ZOOM = 0.5;
/** A pan key or button moves by this part of what is looked at. */
const PAN = 0.25;

/** @typedef {import('./moves.js').Range} Range */
/** @typedef {{shown: Range, whole: Range, log: boolean, width: number}} Seen what a chart shows of its horizontal axis, in how many pixels */
/** @typedef {'left' | 'right' | 'in' | 'out' | 'whole'} Move */

/**
 * What the buttons and keys do; one that would show more than everything shows everything.
 * @param {import('./group.js').ChartGroup} group @param {Move} move @param {Seen} seen
 */
export function moveView(group, move, { shown, whole, log }) {
  if (move === 'whole') return group.setRange(null);
  if (move === 'in') return group.setRange(zoomed(shown, ZOOM, log));
  if (move === 'out') {
    const next = zoomed(shown, 1 / ZOOM, log);
    return group.setRange(next[1] - next[0] >= whole[1] - whole[0] ? null : keptInside(next, whole, log));
  }
  if (group.range) group.setRange(keptInside(panned(shown, move === 'left' ? -PAN : PAN, log), whole, log));
  return undefined;
}

/** @type {Record<string, Move>} */
const KEYS = { ArrowLeft: 'left', ArrowRight: 'right', '+': 'in', '=': 'in', '-': 'out', 0: 'whole', Escape: 'whole' };

/**
 * The gestures of one chart besides the drag that zooms, which is the plot's own.
 * @param {HTMLElement} root @param {import('./group.js').ChartGroup} group
 * @param {() => Seen | null} look what is shown now; `null` before the first drawing
 * @returns {{stop: () => void, onMouseDown: (event: MouseEvent) => boolean}} `onMouseDown` says whether it takes the drag for itself
 */
export function bindGestures(root, group, look) {
  /** @type {() => void} */
  let endDrag = () => {};
  const onKey = (/** @type {KeyboardEvent} */ event) => {
    const move = KEYS[event.key];
    const seen = look();
    if (!move || !seen || event.ctrlKey || event.metaKey || event.altKey) return;
    if (!group.range && (move === 'left' || move === 'right' || move === 'whole')) return;
    event.preventDefault();
    moveView(group, move, seen);
  };
  const onWheel = (/** @type {WheelEvent} */ event) => {
    const seen = look();
    const by = event.deltaX || (event.shiftKey ? event.deltaY : 0);
    if (!seen || !group.range || Math.abs(by) < Math.abs(event.shiftKey ? 0 : event.deltaY)) return;
    event.preventDefault();
    group.setRange(keptInside(panned(seen.shown, by / seen.width, seen.log), seen.whole, seen.log));
  };
  const onMouseDown = (/** @type {MouseEvent} */ event) => {
    const seen = look();
    if (!seen || !event.shiftKey || event.button !== 0) return false;
    const start = event.clientX;
    root.classList.add('is-panning');
    const onMove = (/** @type {MouseEvent} */ moved) => {
      group.setRange(keptInside(panned(seen.shown, (start - moved.clientX) / seen.width, seen.log), seen.whole, seen.log));
    };
    endDrag = () => {
      root.classList.remove('is-panning');
      removeEventListener('mousemove', onMove);
      removeEventListener('mouseup', endDrag);
    };
    addEventListener('mousemove', onMove);
    addEventListener('mouseup', endDrag);
    return true;
  };
  const stopFingers = bindFingers(root, group, look);
  root.addEventListener('keydown', onKey);
  root.addEventListener('wheel', onWheel, { passive: false });
  const stop = () => {
    endDrag();
    stopFingers();
    root.removeEventListener('keydown', onKey);
    root.removeEventListener('wheel', onWheel);
  };
  return { stop, onMouseDown };
}
