/** What the compared groups came to, and in what their configs differ. */
import { armTitle } from '../arms.js';
import { meanOf } from '../charts/across_runs.js';
import { formatConfig, formatExact, formatSigned, formatValue, toNumber } from '../format.js';
import { html } from '../html.js';
import { splitSummary } from '../run/results.js';
import { Scroll } from '../scroll.js';
import { configAt } from './grouping.js';

/** Groups that stand side by side; more cannot be read. */
const MOST_COLUMNS = 12;
/** Values of one field that are told apart in a cell. */
const MOST_VALUES = 4;

/** @param {{groups: import('./grouping.js').RunGroup[]}} props */
function TooMany({ groups }) {
  return groups.length > MOST_COLUMNS && html`<p class="quiet note">The first ${MOST_COLUMNS} of ${groups.length} groups stand here; group by something with fewer values to see all.</p>`;
}

/** @param {{groups: import('./grouping.js').RunGroup[], arms: import('../types.js').Arm[]}} props */
export function SummaryTable({ groups, arms }) {
  const shown = groups.slice(0, MOST_COLUMNS);
  const names = [...new Set(shown.flatMap((group) => group.runs.flatMap((run) => Object.keys(run.summary ?? {}))))].sort();
  if (names.length === 0) return html`<p class="quiet">None of these runs has ended.</p>`;
  return html`<${Scroll}><table class="data">
    <thead><tr><th scope="col">Number</th>${shown.map((group) => html`<th scope="col" class="number" key=${group.key}>${groups.length > 1 ? group.label : 'mean ± half of the 95% interval'}</th>`)}</tr></thead>
    <tbody>${names.map((name) => {
      const { metric, arm, other } = splitSummary(name);
      const show = other ? formatSigned : formatValue;
      const label = arm === null ? metric : `${metric} · ${armTitle(arms, arm)}${other ? ` − ${armTitle(arms, other)}` : ''}`;
      return html`<tr key=${name}><th scope="row" title=${name}>${label}</th>${shown.map((group) => {
        const values = group.runs.map((run) => run.summary?.[name]).filter((value) => value !== undefined).map(toNumber);
        if (values.length === 0) return html`<td class="number quiet" key=${group.key}>–</td>`;
        const { mean, half, n } = meanOf(values);
        return html`<td class="number" key=${group.key} title=${values.slice(0, 20).map(formatExact).join(', ')}>${show(mean, metric)}${n > 1 ? html` ± ${formatValue(half, metric)} <span class="quiet">n ${n}</span>` : ''}</td>`;
      })}</tr>`;
    })}</tbody></table><//><${TooMany} groups=${groups} />`;
}

/** @param {import('./grouping.js').RunGroup} group @param {string} name the values of a field in a group, the most frequent first */
function valuesIn(group, name) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const run of group.runs) {
    const value = configAt(run, name);
    const text = value === undefined ? '–' : formatConfig(value);
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  const sorted = [...counts].sort((a, b) => b[1] - a[1]);
  if (sorted.length === 1) return sorted[0][0];
  const told = sorted.slice(0, MOST_VALUES).map(([text, count]) => `${text} (${count})`);
  return [...told, ...(sorted.length > MOST_VALUES ? [`${sorted.length - MOST_VALUES} more`] : [])].join(', ');
}

/** @param {{groups: import('./grouping.js').RunGroup[], differing: string[]}} props */
export function ConfigDiff({ groups, differing }) {
  if (differing.length === 0) return html`<p class="quiet">All of these runs have the same config; only seeds differ.</p>`;
  const shown = groups.slice(0, MOST_COLUMNS);
  return html`<${Scroll}><table class="data config-diff">
    <thead><tr><th scope="col">Field</th>${shown.map((group) => html`<th scope="col" class="number" key=${group.key}>${group.label}, ${group.runs.length} ${group.runs.length === 1 ? 'run' : 'runs'}</th>`)}</tr></thead>
    <tbody>${differing.map((name) => html`<tr key=${name}><th scope="row">${name}</th>${shown.map((group) => html`<td class="number" key=${group.key}>${valuesIn(group, name)}</td>`)}</tr>`)}</tbody>
  </table><//><${TooMany} groups=${groups} />`;
}
