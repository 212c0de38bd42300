/** Numbers, times and sizes as people read them; the exact value is always one hover away. */

/** @param {any} value a number as it travels, possibly `"NaN"` @returns {number} NaN for what is no number at all */
export function toNumber(value) {
  if (typeof value === 'number') return value;
  if (value === 'Infinity') return Infinity;
  if (value === '-Infinity') return -Infinity;
  return NaN;
}

/** Names whose values are fractions between 0 and 1, shown with four places. */
const FRACTION = /(^|[/_])(accuracy|fraction|rate|share|auc|survival|turnover|precision|recall)([/_.]|$)/;
/** Names in which "rate" is a speed or a step size, no fraction. */
const NO_FRACTION = /learning_rate|rate_hz/;

const minus = (text) => text.replace('-', '−');

/** Digits in threes with thin spaces, as `663 552`. @param {number} value */
function grouped(value) {
  const text = String(Math.abs(value));
  const digits = text.length > 4 ? text.replace(/\B(?=(\d{3})+$)/g, '\u2009') : text;
  return value < 0 ? `−${digits}` : digits;
}

/** A number to `digits` significant ones. @param {number} value @param {number} [digits] */
export function significant(value, digits = 4) {
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-4) {
    const [mantissa, exponent] = value.toExponential(digits - 1).split('e');
    return minus(`${mantissa}e${exponent.replace('+', '')}`);
  }
  return minus(value.toPrecision(digits).includes('e') ? String(Math.round(value)) : value.toPrecision(digits));
}

/** A measured value with the digits that its name deserves. @param {any} wire @param {string} [name] metric or summary name */
export function formatValue(wire, name = '') {
  const value = toNumber(wire);
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '∞' : '−∞';
  if (FRACTION.test(name) && !NO_FRACTION.test(name) && Math.abs(value) <= 1.5) return minus(value.toFixed(4));
  if (Number.isInteger(value) && Math.abs(value) < 1e12) return grouped(value);
  return significant(value);
}

/** Like {@link formatValue} with its sign always shown, for differences. @param {any} wire @param {string} [name] */
export function formatSigned(wire, name = '') {
  const text = formatValue(wire, name);
  return toNumber(wire) > 0 ? `+${text}` : text;
}

/** All digits, for titles. @param {any} wire */
export const formatExact = (wire) => (typeof wire === 'string' ? wire : String(wire));

/** @param {number} tick label of an axis @returns {string} */
export function formatTick(tick) {
  if (tick === 0) return '0';
  const size = Math.abs(tick);
  if (size >= 1e9 || size < 1e-3) return minus(tick.toExponential().replace('e+', 'e'));
  if (size >= 1e6) return `${minus(String(+(tick / 1e6).toPrecision(6)))}M`;
  if (size >= 1e4) return `${minus(String(+(tick / 1e3).toPrecision(6)))}k`;
  return minus(String(+tick.toPrecision(8)));
}

/** @param {number | null | undefined} seconds @returns {string} as `1 m 12 s` */
export function formatDuration(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return '–';
  if (seconds < 1) return `${Math.max(0, seconds).toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const pad = (n) => String(n).padStart(2, '0');
  if (whole < 3600) return `${Math.floor(whole / 60)} m ${pad(whole % 60)} s`;
  if (whole < 86400) return `${Math.floor(whole / 3600)} h ${pad(Math.floor((whole % 3600) / 60))} m`;
  return `${Math.floor(whole / 86400)} d ${pad(Math.floor((whole % 86400) / 3600))} h`;
}

/** @param {number | null | undefined} bytes @returns {string} as `180 MB` */
export function formatBytes(bytes) {
  if (bytes === null || bytes === undefined || !Number.isFinite(bytes)) return '–';
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let size = bytes;
  let unit = 0;
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return `${size >= 100 || unit === 0 ? Math.round(size) : size.toPrecision(2)} ${units[unit]}`;
}

/** @param {string | Date} time @returns {string} clock time, with the day unless it is today */
export function formatWhen(time) {
  const at = new Date(time);
  const clock = at.toLocaleTimeString('en-GB');
  if (at.toDateString() === new Date().toDateString()) return clock;
  const day = at.toLocaleDateString('en-GB', { day: 'numeric', month: 'short', year: 'numeric' });
  return `${day}, ${clock.slice(0, 5)}`;
}

/** @param {string | Date} time @returns {string} the exact time, as `2026-11-28 20:06:18.123 UTC` */
export const formatUtc = (time) => new Date(time).toISOString().replace('T', ' ').replace('Z', ' UTC');

/** @param {string | Date} time @returns {string} as `3 m ago`, for lists */
export function formatAge(time) {
  const seconds = (Date.now() - new Date(time).getTime()) / 1000;
  if (seconds < 5) return 'now';
  if (seconds < 60) return `${Math.floor(seconds)} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m ago`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ago`;
  if (seconds < 86400 * 14) return `${Math.floor(seconds / 86400)} d ago`;
  return new Date(time).toLocaleDateString('en-GB', { day: 'numeric', month: 'short', year: 'numeric' });
}

/** The end of an id: ids begin with their time, so that neighbours differ only there. @param {string} id */
export const shortId = (id) => `…${id.slice(-6)}`;

/** A config value in one line. @param {any} value */
export function formatConfig(value) {
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.map(formatConfig).join(', ');
  if (value === null) return 'none';
  if (value === true) return 'yes';
  if (value === false) return 'no';
  if (typeof value === 'object') return JSON.stringify(value);
  return String(value);
}
