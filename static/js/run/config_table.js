/** The config of a run, with what differs from its preset marked and on top. */
import { completed, sameValue } from '../form/schema.js';
import { formatConfig } from '../format.js';
import { html } from '../html.js';

/** @param {{card: import('../types.js').Card, run: import('../types.js').Run}} props */
export function ConfigTable({ card, run }) {
  const preset = card.presets.find((known) => known.id === run.preset);
  const base = completed(card.config_schema, preset?.config ?? {});
  const known = card.config_schema !== undefined;
  const rows = Object.entries(run.config).map(([name, value]) => ({ name, value, differs: known && !sameValue(value, base[name]) }));
  const different = rows.filter((row) => row.differs).length;
  rows.sort((a, b) => Number(b.differs) - Number(a.differs));
  return html`<details class="side" open>
    <summary>Config <span class="quiet">${known ? (different === 0 ? `as ${run.preset ?? 'the defaults'}` : `${different} differ from ${run.preset ?? 'the defaults'}`) : ''}</span></summary>
    <table class="data keys">
      <tbody>
        <tr><th scope="row">seed</th><td class="number">${run.seed}</td></tr>
        ${rows.map(
          ({ name, value, differs }) => html`<tr key=${name} class=${differs ? 'differs' : ''}>
            <th scope="row">${name}</th>
            <td class="number" title=${differs ? `preset: ${formatConfig(base[name])}` : ''}>${formatConfig(value)}${differs && html`<span class="was">was ${formatConfig(base[name])}</span>`}</td>
          </tr>`,
        )}
      </tbody>
    </table>
  </details>`;
}
