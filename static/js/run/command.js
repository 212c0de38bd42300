/** A run as one line of a terminal. */

/** The text of a shell word, quoted. @param {string} text */
export const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** A value as `--set` reads it: JSON, or else the bare text. @param {any} value */
function settingText(value) {
  if (typeof value !== 'string') return JSON.stringify(value);
  try {
    JSON.parse(value);
    return JSON.stringify(value);
  } catch {
    return value;
  }
}

/** The line that trains the same in a terminal, without a server. @param {Record<string, any>} body of the run to be made */
export function terminalLine({ experiment, preset, config = {}, seed, device }) {
  const settings = Object.entries(config).map(([name, value]) => `--set ${quoted(`${name}=${settingText(value)}`)}`);
  const parts = ['engram run', experiment, preset && `--preset ${preset}`, ...settings, seed !== undefined && `--seed ${seed}`, device && `--device ${device}`];
  return parts.filter(Boolean).join(' ');
}
