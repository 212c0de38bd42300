/** Where a fork comes from, and what was changed there. */
import { sameValue } from '../form/schema.js';
import { formatConfig, formatValue, shortId } from '../format.js';
import { html } from '../html.js';

/** @param {import('../types.js').Run} parent @param {import('../types.js').Run} run */
function changesText(parent, run) {
  const changed = Object.entries(run.config).filter(([name, value]) => !sameValue(value, parent.config[name]));
  if (changed.length === 0) return 'with nothing changed';
  return changed.map(([name, value]) => `${name} ${formatConfig(parent.config[name])} → ${formatConfig(value)}`).join(', ');
}

/** @param {{data: import('./run_data.js').RunData, run: import('../types.js').Run}} props */
export function ForkNote({ data, run }) {
  if (run.forked_from === null || run.forked_from === undefined) return null;
  const parent = data.before?.parent ?? null;
  const name = `run ${shortId(run.forked_from)}`;
  const { base, anonymous } = data.source;
  const address = anonymous ? `?run=${run.forked_from}` : base.replace(/^\/api\/v1/, '').replace(/[^/]+$/, run.forked_from);
  return html`<p class="fork-note" role="note">Forked from ${parent ? html`<a href=${address} title=${run.forked_from}>${parent.name || name}</a>` : html`<span title=${run.forked_from}>${name}</span>`}${' '}
    at step <span class="number">${formatValue(run.forked_step ?? 0)}</span>${parent && html`: ${changesText(parent, run)}. <span class="quiet">What came before is drawn faintly.</span>`}
    ${!parent && data.before && html`<span class="quiet">, which ${anonymous ? 'is not shown here' : 'is gone'}.</span>`}</p>`;
}
