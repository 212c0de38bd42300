/** The fields that a sweep varies, as they are typed: lists of values for a grid, ranges for a random search. */

/**
 * One varied field as typed.
 * @typedef {{field: string, values: string, low: string, high: string, log: boolean, chosen: any[]}} Axis
 */

/** Options of a field that has few: choices, and yes or no. @param {import('../form/schema.js').Field} field @returns {any[] | null} */
export function optionsOf(field) {
  if (field.kind === 'boolean') return [true, false];
  return field.kind === 'choice' ? field.options : null;
}

/** @param {import('../form/schema.js').Field} field */
export const isNumeric = (field) => field.kind === 'number' || field.kind === 'integer';

/** A new axis around what the preset has. @param {import('../form/schema.js').Field} field @param {any} value @returns {Axis} */
export function axisOf(field, value) {
  const number = typeof value === 'number' && value !== 0;
  const spread = (times) => (field.kind === 'integer' ? Math.max(1, Math.round(value * times)) : Number((value * times).toPrecision(3)));
  return {
    field: field.name,
    values: number ? [...new Set([spread(0.5), value, spread(2)])].join(', ') : value === undefined || value === null ? '' : typeof value === 'object' ? JSON.stringify([value]) : String(value),
    low: number ? String(spread(0.5)) : '',
    high: number ? String(spread(2)) : '',
    log: false,
    chosen: optionsOf(field) ?? [],
  };
}

/** A number where it is one, else the text itself, which the server then names as the fault. @param {string} text */
const typed = (text) => (text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text.trim());

/** @param {Axis} axis @param {import('../form/schema.js').Field} field @returns {any[]} the values of a grid's field */
export function listOf(axis, field) {
  if (optionsOf(field)) return (optionsOf(field) ?? []).filter((option) => axis.chosen.includes(option));
  if (isNumeric(field)) return axis.values.split(/[,\s]+/).filter(Boolean).map(typed);
  if (axis.values.trim().startsWith('[')) {
    try {
      return JSON.parse(axis.values);
    } catch {
      return [axis.values];
    }
  }
  return axis.values.split(',').map((part) => part.trim()).filter(Boolean);
}

/**
 * The range of a field of a random search, or why it is none.
 * @param {Axis} axis @param {import('../form/schema.js').Field} field @returns {import('./draw.js').Range | string}
 */
export function rangeOf(axis, field) {
  if (!isNumeric(field)) {
    const options = listOf(axis, field);
    return options.length > 0 ? { field: axis.field, options } : 'needs at least one value';
  }
  const [low, high] = [typed(axis.low), typed(axis.high)];
  if (typeof low !== 'number' || typeof high !== 'number') return `needs two numbers; got "${axis.low}" and "${axis.high}"`;
  if (low > high) return `must end where it begins or later; got ${low} to ${high}`;
  if (axis.log && low <= 0) return `must begin above 0 to be drawn evenly in the logarithm; got ${low}`;
  if (field.kind === 'integer' && !(Number.isInteger(low) && Number.isInteger(high))) return `needs whole numbers; got ${low} to ${high}`;
  return { field: axis.field, whole: field.kind === 'integer', low, high, log: axis.log };
}
