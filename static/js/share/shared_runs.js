/** Several shared runs over each other: runs of the same config as seeds with their mean, configs side by side. */
import { formatConfig } from '../format.js';
import { sameValue } from '../form/schema.js';
import { html } from '../html.js';
import { CellCurves } from '../sweep/cell_curves.js';

/** @typedef {{runs: import('../types.js').Run[], name: string}} Config */

/** Runs by their config, each named by what only some have. @param {import('../types.js').Run[]} runs @returns {Config[]} */
function configsOf(runs) {
  /** @type {import('../types.js').Run[][]} */
  const groups = [];
  for (const run of runs) {
    const group = groups.find(([first]) => first.experiment === run.experiment && sameValue(first.config, run.config));
    if (group) group.push(run);
    else groups.push([run]);
  }
  const names = [...new Set(runs.flatMap((run) => Object.keys(run.config)))];
  const differing = names.filter((name) => runs.some((run) => !sameValue(run.config[name], runs[0].config[name])));
  return groups.map((group) => ({ runs: group, name: differing.map((name) => `${name} ${formatConfig(group[0].config[name])}`).join(', ') }));
}

/** @param {{runs: import('../types.js').Run[], cards: import('../types.js').Card[], base: string, title: string}} props */
export function SharedRuns({ runs, cards, base, title }) {
  const configs = configsOf(runs);
  return html`<div class="run-head"><div><h1>${title || `${runs.length} runs`} <span class="quiet">${runs.length} runs${configs.length > 1 ? `, ${configs.length} configs` : ''}</span></h1></div></div>
    ${configs.map((config) => {
      const card = cards.find(({ id }) => id === config.runs[0].experiment);
      const seeds = config.runs.map(({ id, seed }) => ({ id, seed }));
      return card && html`<section key=${config.runs[0].id}>${config.name && html`<h2>${config.name}</h2>`}
        <${CellCurves} card=${card} seeds=${seeds} base=${base} anonymous=${true} version=${config.runs.map(({ status }) => status).join()} name=${config.name} /></section>`;
    })}`;
}
