/** Axis ranges on round numbers that change in steps, so that a live chart stands still between them; and ticks for our own canvases. */

/** The next of 1, 2, 5 times a power of ten at or above `size`. @param {number} size above 0 */
export function roundUp(size) {
  const power = 10 ** Math.floor(Math.log10(size));
  const times = size / power;
  if (times <= 1 + 1e-9) return power;
  if (times <= 2 + 1e-9) return 2 * power;
  if (times <= 5 + 1e-9) return 5 * power;
  return 10 * power;
}

/** The last of 1, 2, 5 times a power of ten at or below `size`. @param {number} size above 0 */
export function roundDown(size) {
  const power = 10 ** Math.floor(Math.log10(size));
  const times = size / power;
  if (times >= 5 - 1e-9) return 5 * power;
  if (times >= 2 - 1e-9) return 2 * power;
  return power;
}

/** @typedef {[number, number]} Range */

/**
 * A round range around the data; the previous one is kept while the data still fill it reasonably.
 * @param {number} min @param {number} max @param {Range | null} previous @returns {Range}
 */
export function linearRange(min, max, previous) {
  if (!Number.isFinite(min) || !Number.isFinite(max)) return previous ?? [0, 1];
  if (previous && previous[0] <= min && previous[1] >= max && max - min >= 0.45 * (previous[1] - previous[0])) return previous;
  // A constant lies in the middle.
  const half = max > min ? 0 : Math.abs(max) * 0.05 || 0.5;
  const step = roundUp((max - min + 2 * half) / 6);
  return [Math.floor((min - half) / step + 1e-9) * step, Math.ceil((max + half) / step - 1e-9) * step];
}

/** The same on a logarithmic axis; both ends above zero. @param {number} min @param {number} max @param {Range | null} previous @returns {Range} */
export function logRange(min, max, previous) {
  if (!(min > 0) || !Number.isFinite(max)) return previous ?? [0.1, 1];
  const part = (range) => Math.log(range[1] / range[0]);
  if (previous && previous[0] <= min && previous[1] >= max && part([min, max]) >= 0.45 * part(previous)) return previous;
  const low = roundDown(min);
  const high = roundUp(max);
  return [low, high > low ? high : low * 10];
}

/**
 * The end of a step axis: while a run goes on, the smallest eighth, quarter or half of its steps that holds the data, so that it
 * changes three times in a run and not at every point.
 * @param {number} last newest step @param {number | null} total steps of the run, once known @returns {number}
 */
export function stepEnd(last, total) {
  if (total && total >= last) {
    for (const part of [8, 4, 2]) if (last <= total / part) return Math.max(1, Math.ceil(total / part));
    return total;
  }
  return last > 0 ? Math.ceil(last / roundUp(last / 8)) * roundUp(last / 8) : 1;
}

/** About `count` round ticks of a linear axis. @param {Range} range @param {number} count @returns {number[]} */
export function linearTicks([low, high], count) {
  const step = roundUp((high - low) / count);
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i += 1) ticks.push(+(i * step).toPrecision(12));
  return ticks;
}

/** Powers of ten, with 2 and 5 times them where they are few. @param {Range} range @returns {number[]} */
export function logTicks([low, high]) {
  const decades = Math.log10(high / low);
  const between = decades <= 1.5 ? [1, 2, 5] : [1];
  const every = Math.max(1, Math.ceil(decades / 7));
  const ticks = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power += every) {
    for (const times of between) {
      // Read as text, since 10 ** −5 is not the number nearest to it.
      const tick = Number(`${times}e${power}`);
      if (tick >= low * (1 - 1e-9) && tick <= high * (1 + 1e-9)) ticks.push(tick);
    }
  }
  return ticks;
}
