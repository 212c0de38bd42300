/** Which of the compared runs belong together, and in what their configs differ. */
import { sameValue } from '../form/schema.js';
import { formatConfig, shortId } from '../format.js';

/** @typedef {import('../types.js').Run} Run */
/** @typedef {{key: string, label: string, runs: Run[]}} RunGroup */

const LONGEST_LABEL = 28;

/** The leaves of a config, dots between the levels. @param {any} config @param {string} [prefix] @returns {[string, any][]} */
function leaves(config, prefix = '') {
  return Object.entries(config ?? {}).flatMap(([name, value]) =>
    value !== null && typeof value === 'object' && !Array.isArray(value) ? leaves(value, `${prefix}${name}.`) : [[`${prefix}${name}`, value]]);
}

/** @param {Run} run @param {string} path dots between the levels */
export const configAt = (run, path) => path.split('.').reduce((value, name) => value?.[name], /** @type {any} */ (run.config));

/** The config fields that are not the same in all of them. @param {Run[]} runs @returns {string[]} */
export function differingFields(runs) {
  const names = new Set(runs.flatMap((run) => leaves(run.config).map(([name]) => name)));
  return [...names].filter((name) => runs.some((run) => !sameValue(configAt(run, name), configAt(runs[0], name))));
}

/**
 * One run a config and seed: a second one repeats the first and would feign certainty.
 * @param {Run[]} runs @returns {{kept: Run[], repeats: number}}
 */
export function withoutRepeats(runs) {
  const seen = new Set();
  const kept = runs.filter((run) => {
    const key = JSON.stringify([run.experiment, run.config, run.seed]);
    return !seen.has(key) && seen.add(key);
  });
  return { kept, repeats: runs.length - kept.length };
}

/** What runs can be put together by. @param {Run[]} runs @returns {string[]} */
export function groupings(runs) {
  const differ = (of) => runs.some((run) => of(run) !== of(runs[0]));
  const plain = /** @type {[string, (run: Run) => any][]} */ ([
    ['experiment', (run) => run.experiment], ['preset', (run) => run.preset], ['seed', (run) => run.seed], ['sweep', (run) => run.sweep_id],
    ['project', (run) => run.project], ['name', (run) => run.name], ['tags', (run) => run.tags.join()], ['created_by', (run) => run.created_by],
  ]);
  return ['config', ...plain.filter(([, of]) => differ(of)).map(([name]) => name), ...differingFields(runs).map((name) => `config.${name}`), 'run'];
}

/** @param {Run} run @param {string} by @returns {{key: string, label: string}} */
function keyOf(run, by) {
  const named = (value) => ({ key: JSON.stringify(value ?? null), label: value === null || value === undefined || value === '' ? 'none' : String(value) });
  if (by === 'run') return { key: run.id, label: run.name || `seed ${run.seed} ${shortId(run.id)}` };
  if (by === 'seed') return { key: String(run.seed), label: `seed ${run.seed}` };
  if (by === 'sweep') return { key: run.sweep_id ?? '', label: run.sweep_id ? shortId(run.sweep_id) : 'no sweep' };
  if (by === 'tags') return { key: run.tags.join(), label: run.tags.join(', ') || 'no tag' };
  if (by.startsWith('config.')) {
    const value = configAt(run, by.slice('config.'.length));
    return { key: JSON.stringify(value ?? null), label: value === undefined ? 'none' : `${by.slice('config.'.length)} ${formatConfig(value)}` };
  }
  return named(run[by]);
}

/** The runs in groups. @param {Run[]} runs without repeats @param {string} by @param {string[]} differing @returns {RunGroup[]} */
export function groupsOf(runs, by, differing) {
  /** @type {Map<string, RunGroup>} */
  const groups = new Map();
  for (const run of runs) {
    const { key, label } = by === 'config' ? { key: JSON.stringify([run.experiment, run.config]), label: '' } : keyOf(run, by);
    const group = groups.get(key);
    if (group) group.runs.push(run);
    else groups.set(key, { key, label, runs: [run] });
  }
  const all = [...groups.values()];
  if (by === 'config') {
    // A config is named by what is its own, where that is short; its letter leads to the table of configs.
    all.forEach((group, index) => {
      const own = differing.map((name) => `${name} ${formatConfig(configAt(group.runs[0], name) ?? null)}`).join(', ');
      const letter = index < 26 ? String.fromCharCode(65 + index) : String(index + 1);
      group.label = all.length === 1 ? 'all runs' : own.length > 0 && own.length <= LONGEST_LABEL ? `${letter}: ${own}` : letter;
    });
  }
  return all;
}
