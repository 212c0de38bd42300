/** Keeps what is seen of a run in the address, so that reload, back and a copied link show the same. */
import { STEP_AXIS } from '../charts/x_axis.js';
import { setQuery } from '../router.js';

/** Browsers take only so many changes of the address a second. */
const SETTLED_MS = 150;

/** @typedef {(key: string) => import('../charts/x_axis.js').XAxis | null} FindAxis the axis of a key in the address */

/** A bound of a zoom with the digits that a screen can tell apart. @param {number} value */
const bound = (value) => String(+value.toPrecision(9));

/**
 * Takes the view from the address, then writes every change of it there.
 * @param {import('../charts/group.js').ChartGroup} group @param {FindAxis} findAxis @returns {() => void} call it to stop
 */
export function keepViewInAddress(group, findAxis) {
  const query = new URLSearchParams(location.search);
  const step = query.get('step');
  if (step !== null && /^\d+$/.test(step)) group.setStep(Number(step));
  group.setX(findAxis(query.get('x') ?? '') ?? STEP_AXIS);
  const smoothing = Number(query.get('smooth'));
  if (smoothing > 0 && smoothing < 1) group.setSmoothing(smoothing);
  const zoom = (query.get('zoom') ?? '').split('~').map(Number);
  if (zoom.length === 2 && zoom.every(Number.isFinite) && zoom[0] < zoom[1]) group.setRange([zoom[0], zoom[1]]);
  const hidden = query.getAll('hide');
  if (hidden.length > 0) group.hide(hidden);

  let timer = 0;
  const path = location.pathname;
  const write = () => {
    timer = 0;
    // The page may have been left meanwhile.
    if (location.pathname !== path) return;
    setQuery('step', group.step === null ? '' : String(group.step));
    setQuery('x', group.x === STEP_AXIS ? '' : group.x.key);
    setQuery('smooth', group.smoothing > 0 ? String(group.smoothing) : '');
    setQuery('zoom', group.range ? group.range.map(bound).join('~') : '');
    setQuery('hide', [...group.hidden]);
  };
  const soon = () => {
    timer ||= setTimeout(write, SETTLED_MS);
  };
  const stops = /** @type {const} */ (['step', 'x', 'smoothing', 'range', 'arms']).map((topic) => group.on(topic, soon));
  return () => {
    if (timer) {
      clearTimeout(timer);
      write();
    }
    stops.forEach((stop) => stop());
  };
}
