/** Colour scales of heat maps: cividis for amounts, blue to white to red for signed values around zero. */

/** @typedef {[number, number, number]} Rgb */

const clamp = (value) => Math.max(0, Math.min(255, Math.round(value)));

/**
 * Cividis at `t` from 0 to 1, readable with every kind of colour vision.
 * Source: J. R. Nuñez, C. R. Anderton, R. S. Renslow (2018), PLoS ONE 13(7) e0199239; polynomials as in d3-scale-chromatic.
 * @param {number} t @returns {Rgb}
 */
export function cividis(t) {
  return [
    clamp(-4.54 - t * (35.34 - t * (2381.73 - t * (6402.7 - t * (7024.72 - t * 2710.57))))),
    clamp(32.49 + t * (170.73 + t * (52.82 - t * (131.46 - t * (176.58 - t * 67.37))))),
    clamp(81.24 + t * (442.36 - t * (2482.43 - t * (6167.24 - t * (6614.94 - t * 2475.67))))),
  ];
}

/** Seven classes of blue, white and red. Source: C. Brewer, RdBu, reversed. @type {Rgb[]} */
const BLUE_WHITE_RED = [
  [33, 102, 172],
  [103, 169, 207],
  [209, 229, 240],
  [247, 247, 247],
  [253, 219, 199],
  [239, 138, 98],
  [178, 24, 43],
];

/** @param {number} t 0 to 1, one half is white @returns {Rgb} */
export function blueWhiteRed(t) {
  const place = Math.max(0, Math.min(1, t)) * (BLUE_WHITE_RED.length - 1);
  const at = Math.min(Math.floor(place), BLUE_WHITE_RED.length - 2);
  const part = place - at;
  const mix = (i) => clamp(BLUE_WHITE_RED[at][i] * (1 - part) + BLUE_WHITE_RED[at + 1][i] * part);
  return [mix(0), mix(1), mix(2)];
}

/**
 * The scale of a heat map: for signed values its ends lie equally far from zero, so that white is zero.
 * @param {'sequential' | 'diverging'} kind @param {number} min @param {number} max
 * @returns {{low: number, high: number, color: (value: number) => Rgb}}
 */
export function colorScale(kind, min, max) {
  if (kind === 'diverging') {
    const reach = Math.max(Math.abs(min), Math.abs(max)) || 1;
    return { low: -reach, high: reach, color: (value) => blueWhiteRed((value + reach) / (2 * reach)) };
  }
  const span = max - min || 1;
  return { low: min, high: min + span, color: (value) => cividis(Math.max(0, Math.min(1, (value - min) / span))) };
}
