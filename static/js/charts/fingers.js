/** Fingers on a chart: two of them zoom, what lies under each stays under it; one moves the part that is looked at. */
import { forth, keptInside, panned, stretched } from './moves.js';

/**
 * @param {HTMLElement} root @param {import('./group.js').ChartGroup} group
 * @param {() => import('./gestures.js').Seen | null} look what is shown now @returns {() => void} call it to stop
 */
export function bindFingers(root, group, look) {
  /** Where each finger is, as a part of the axis. @type {Map<number, number>} */
  const fingers = new Map();
  /** What was shown, and where the fingers were, when the last one came or went. @type {{seen: import('./gestures.js').Seen, parts: number[]} | null} */
  let grip = null;
  const partOf = (/** @type {PointerEvent} */ event) => {
    const area = (root.querySelector('.u-over') ?? root).getBoundingClientRect();
    return (event.clientX - area.left) / area.width;
  };
  const take = () => {
    const seen = look();
    grip = seen && { seen, parts: [...fingers.values()] };
  };
  const onDown = (/** @type {PointerEvent} */ event) => {
    if (event.pointerType !== 'touch') return;
    fingers.set(event.pointerId, partOf(event));
    take();
  };
  const onMove = (/** @type {PointerEvent} */ event) => {
    if (!fingers.has(event.pointerId) || !grip) return;
    fingers.set(event.pointerId, partOf(event));
    const { seen: { shown, whole, log }, parts } = grip;
    const now = [...fingers.values()];
    if (now.length === 1 && group.range) group.setRange(keptInside(panned(shown, parts[0] - now[0], log), whole, log));
    if (now.length !== 2) return;
    const next = stretched(shown, [parts[0], parts[1]], [now[0], now[1]], log);
    if (!next) return;
    const isWhole = forth(next[1], log) - forth(next[0], log) >= forth(whole[1], log) - forth(whole[0], log);
    group.setRange(isWhole ? null : keptInside(next, whole, log));
  };
  const onEnd = (/** @type {PointerEvent} */ event) => {
    if (fingers.delete(event.pointerId)) take();
  };
  root.addEventListener('pointerdown', onDown);
  root.addEventListener('pointermove', onMove);
  root.addEventListener('pointerup', onEnd);
  root.addEventListener('pointercancel', onEnd);
  return () => {
    root.removeEventListener('pointerdown', onDown);
    root.removeEventListener('pointermove', onMove);
    root.removeEventListener('pointerup', onEnd);
    root.removeEventListener('pointercancel', onEnd);
  };
}
