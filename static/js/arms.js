/** One colour and one dash pattern per arm, by its order in the card, the same on every page. */
import { DASHES, ON_DARK, ON_LIGHT, WHOLE_ON_DARK, WHOLE_ON_LIGHT } from './palette.js';
import { isDark } from './theme.js';

/** @typedef {{color: string, dash: number[], width: number}} ArmStyle */

/** Style of the `index`th arm. Past the palette, colours repeat with another dash pattern. @param {number} index @returns {ArmStyle} */
export function styleAt(index) {
  const colors = isDark() ? ON_DARK : ON_LIGHT;
  const round = Math.floor(index / colors.length);
  return { color: colors[index % colors.length], dash: DASHES[(index + round * 2) % DASHES.length], width: 2 };
}

/**
 * Style of an arm; what belongs to the whole run is drawn in ink.
 * @param {import('./types.js').Arm[]} arms of the card @param {string | null} arm @returns {ArmStyle}
 */
export function armStyle(arms, arm) {
  if (arm === null) return { color: isDark() ? WHOLE_ON_DARK : WHOLE_ON_LIGHT, dash: [], width: 2 };
  const index = arms.findIndex((known) => known.id === arm);
  if (index < 0) return { ...styleAt(arms.length), dash: [3, 3] };
  const style = styleAt(index);
  return arms[index].baseline ? { ...style, width: 1.25 } : style;
}

/** @param {import('./types.js').Arm[]} arms @param {string | null} arm @returns {string} its name in legends */
export function armTitle(arms, arm) {
  if (arm === null) return 'whole run';
  return arms.find((known) => known.id === arm)?.title ?? arm;
}

/** Arms in the card's order, unknown ones after them, `null` first. @param {import('./types.js').Arm[]} arms @param {Iterable<string | null>} seen */
export function inCardOrder(arms, seen) {
  const place = (arm) => {
    if (arm === null) return -1;
    const index = arms.findIndex((known) => known.id === arm);
    return index < 0 ? arms.length : index;
  };
  return [...new Set(seen)].sort((a, b) => place(a) - place(b) || String(a).localeCompare(String(b)));
}

/**
 * The arms that a run trains: those its config names, where it has such a list, else all of the card.
 * @param {import('./types.js').Card} card @param {Record<string, any>} config @returns {string[]}
 */
export function armsOfRun(card, config) {
  const known = card.arms.map((arm) => arm.id);
  const named = config?.arms;
  if (!Array.isArray(named)) return known;
  const chosen = known.filter((arm) => named.includes(arm));
  return chosen.length > 0 ? chosen : known;
}
