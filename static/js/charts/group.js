/** What all charts and frames of one page share: the horizontal axis, the step looked at, the zoom, the smoothing, and which arms are hidden. */
import { STEP_AXIS } from './x_axis.js';

/** @typedef {'step' | 'range' | 'smoothing' | 'arms' | 'total' | 'x'} Topic */

let groups = 0;

export class ChartGroup {
  constructor() {
    groups += 1;
    /** Charts of one group share their crosshair. */
    this.key = `group-${groups}`;
    /** The step looked at; `null` follows the newest. @type {number | null} */
    this.step = null;
    /** The part of the horizontal axis that is looked at; `null` for the whole run. @type {[number, number] | null} */
    this.range = null;
    /** @type {import('./x_axis.js').XAxis} */
    this.x = STEP_AXIS;
    /** What the last chart drawn shows of it, for the buttons that zoom. @type {import('./gestures.js').Seen | null} */
    this.seen = null;
    /** Weight of the past in the moving average, 0 for none. */
    this.smoothing = 0;
    /** @type {Set<string>} */
    this.hidden = new Set();
    /** Steps of the run, once known. @type {number | null} */
    this.total = null;
    /** @type {Map<Topic, Set<() => void>>} */
    this.watchers = new Map();
  }

  /** @param {Topic} topic @param {() => void} watcher @returns {() => void} call it to stop */
  on(topic, watcher) {
    let set = this.watchers.get(topic);
    if (!set) this.watchers.set(topic, (set = new Set()));
    set.add(watcher);
    return () => set.delete(watcher);
  }

  /** @param {Topic} topic */
  tell(topic) {
    this.watchers.get(topic)?.forEach((watcher) => watcher());
  }

  /** @param {number | null} step */
  setStep(step) {
    if (step === this.step) return;
    this.step = step;
    this.tell('step');
  }

  /** @param {[number, number] | null} range */
  setRange(range) {
    this.range = range;
    this.tell('range');
  }

  /** Another horizontal axis; a zoom belongs to the one it was made on. @param {import('./x_axis.js').XAxis} x */
  setX(x) {
    if (x.key === this.x.key) return;
    this.x = x;
    if (this.range) this.setRange(null);
    this.tell('x');
  }

  /** @param {number} weight */
  setSmoothing(weight) {
    if (weight === this.smoothing) return;
    this.smoothing = weight;
    this.tell('smoothing');
  }

  /** @param {number | null} total */
  setTotal(total) {
    if (total === this.total) return;
    this.total = total;
    this.tell('total');
  }

  /** Hides or shows an arm everywhere. @param {string} arm */
  toggleArm(arm) {
    if (!this.hidden.delete(arm)) this.hidden.add(arm);
    this.tell('arms');
  }

  /** Hides these arms and shows all others. @param {string[]} arms */
  hide(arms) {
    this.hidden = new Set(arms);
    this.tell('arms');
  }

  /** Shows one arm alone, or all again if it is alone already. @param {string} arm @param {string[]} arms all of them */
  isolateArm(arm, arms) {
    const alone = arms.every((other) => other === arm || this.hidden.has(other)) && !this.hidden.has(arm);
    this.hide(alone ? [] : arms.filter((other) => other !== arm));
  }
}
