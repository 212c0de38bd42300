/** A run as one line of a terminal. */

/** The text of a shell word, quoted. @param {string} text */
export const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** A value as `--set` reads it: JSON, or else the bare text, unless that has a comma and would be several. @param {any} value */
function settingText(value) {
  if (typeof value !== 'string' || value.includes(',')) return JSON.stringify(value);
  try {
    JSON.parse(value);
    return JSON.stringify(value);
  } catch {
    return value;
  }
}

/** A word of a command line, quoted where a shell would take it apart. @param {string} text */
const word = (text) => (/^[\w.,:/=+-]+$/.test(text) ? text : quoted(text));

/** @returns {string[]} */
const serverOption = () => (location.origin === 'http://127.0.0.1:8080' ? [] : [`--server ${word(location.origin)}`]);

/** The line that makes the same on this server from a terminal. @param {Record<string, any>} body of the run or the sweep to be made */
export function terminalLine({ experiment, preset, config = {}, seed, seeds, name, project, tags = [], device }) {
  const settings = Object.entries(config).map(([field, value]) => ['--set', `${field}=${settingText(value)}`]);
  const options = [
    ...(preset ? [['--preset', preset]] : []),
    ...settings,
    ...(seed === undefined ? [] : [['--seed', String(seed)]]),
    ...(seeds === undefined ? [] : [['--seeds', String(seeds)]]),
    ...(name ? [['--name', name]] : []),
    ...(project ? [['--project', project]] : []),
    ...tags.map((tag) => ['--tag', tag]),
    ...(device ? [['--device', device]] : []),
  ];
  return ['engram submit', experiment, ...options.map(([option, value]) => `${option} ${word(value)}`), ...serverOption(), '--watch'].join(' ');
}

/** The line that makes the same fork from a terminal. @param {string} id of the parent @param {{step: number, config?: Record<string, any>, name?: string}} body */
export function forkLine(id, { step, config = {}, name }) {
  const settings = Object.entries(config).map(([field, value]) => `-s ${word(`${field}=${settingText(value)}`)}`);
  return [`engram fork ${id} --step ${step}`, ...settings, ...(name ? [`--name ${word(name)}`] : []), ...serverOption(), '--watch'].join(' ');
}

/** The line that trains the same without a server. @param {Record<string, any>} body of a run */
export function localLine({ experiment, preset, config = {}, seed }) {
  const settings = Object.entries(config).map(([field, value]) => `--set ${word(`${field}=${settingText(value)}`)}`);
  return ['engram run', experiment, preset && `--preset ${preset}`, ...settings, `--seed ${seed}`].filter(Boolean).join(' ');
}
