/** Loads frames of one run: each once, the newest wish first, in bounded memory. */
import { Problem } from '../api.js';

/** Frames kept; older ones are asked for again when looked at. */
const MOST_FRAMES = 200;

export class FrameCache {
  /** @param {string} base address of the run, without a slash at its end @param {boolean} anonymous */
  constructor(base, anonymous) {
    this.base = base;
    this.anonymous = anonymous;
    /** @type {Map<number, any>} */
    this.kept = new Map();
    /** @type {Map<number, Promise<any>>} */
    this.underway = new Map();
  }

  /** The frame if it is here. @param {import('../types.js').FrameRef} ref @returns {any} */
  peek(ref) {
    return this.kept.get(ref.seq);
  }

  /** @param {import('../types.js').FrameRef} ref @returns {string} its address */
  url(ref) {
    return ref.url.startsWith('data:') ? ref.url : `${this.base}/${ref.url}`;
  }

  /** @param {import('../types.js').FrameRef} ref @returns {Promise<any>} the parsed frame */
  load(ref) {
    const here = this.kept.get(ref.seq);
    if (here) return Promise.resolve(here);
    let loading = this.underway.get(ref.seq);
    if (!loading) {
      loading = this.fetchFrame(ref).finally(() => this.underway.delete(ref.seq));
      this.underway.set(ref.seq, loading);
    }
    return loading;
  }

  /** @param {import('../types.js').FrameRef} ref */
  async fetchFrame(ref) {
    const response = await fetch(this.url(ref), { credentials: this.anonymous ? 'omit' : 'same-origin' });
    if (!response.ok) throw new Problem(response.status, null);
    const frame = await response.json();
    this.kept.set(ref.seq, frame);
    if (this.kept.size > MOST_FRAMES) this.kept.delete(this.kept.keys().next().value ?? -1);
    return frame;
  }
}

/**
 * The frame to show at a step: the last one at or before it, else the first.
 * @param {import('../types.js').FrameRef[]} frames by step @param {number | null} step `null` for the newest
 * @returns {import('../types.js').FrameRef | null}
 */
export function frameAt(frames, step) {
  if (frames.length === 0) return null;
  if (step === null) return frames[frames.length - 1];
  let low = 0;
  let high = frames.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (frames[middle].step <= step) low = middle + 1;
    else high = middle;
  }
  return frames[Math.max(0, low - 1)];
}

/**
 * The frame before another one.
 * @param {import('../types.js').FrameRef[]} frames by step @param {import('../types.js').FrameRef | null} frame
 * @returns {import('../types.js').FrameRef | null}
 */
export const frameBefore = (frames, frame) => (frame ? (frames[frames.indexOf(frame) - 1] ?? null) : null);
