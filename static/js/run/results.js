/** The summary numbers of a run: a table of metrics by arm, then paired differences, then what belongs to the whole run. */
import { armTitle, inCardOrder } from '../arms.js';
import { formatExact, formatSigned, formatValue } from '../format.js';
import { html } from '../html.js';
import { Scroll } from '../scroll.js';
import { TERMINAL } from './run_data.js';

/** Splits `METRIC.ARM` and `METRIC.ARM-ARM`; metric names have no dot. @param {string} name @returns {{metric: string, arm: string | null, other: string | null}} */
export function splitSummary(name) {
  const dot = name.indexOf('.');
  if (dot < 0) return { metric: name, arm: null, other: null };
  const [arm, other] = name.slice(dot + 1).split('-');
  return { metric: name.slice(0, dot), arm, other: other ?? null };
}

/** @param {{card: import('../types.js').Card, run: import('../types.js').Run}} props */
export function Results({ card, run }) {
  const entries = Object.entries(run.summary ?? {}).map(([name, value]) => ({ name, value, ...splitSummary(name) }));
  if (entries.length === 0) return html`<p class="quiet">${TERMINAL.has(run.status) ? 'This run has left no summary numbers.' : 'Summary numbers stand here once the run has ended.'}</p>`;
  const byArm = entries.filter((entry) => entry.arm !== null && entry.other === null);
  const arms = inCardOrder(card.arms, byArm.map((entry) => entry.arm));
  const metrics = [...new Set(byArm.map((entry) => entry.metric))];
  const differences = entries.filter((entry) => entry.other !== null);
  const whole = entries.filter((entry) => entry.arm === null);
  const title = (metric) => card.metrics.find((known) => known.name === metric)?.title ?? metric;
  const cell = (entry, show) => html`<td class="number" title=${`${entry.name} = ${formatExact(entry.value)}`}>${show(entry.value, entry.metric)}</td>`;
  return html`<div class="tables">
    ${metrics.length > 0 &&
    html`<${Scroll}><table class="data">
      <thead><tr><th scope="col">Arm</th>${metrics.map((metric) => html`<th scope="col" class="number" title=${metric}>${title(metric)}</th>`)}</tr></thead>
      <tbody>
        ${arms.map((arm) => html`<tr key=${arm}>
          <th scope="row">${armTitle(card.arms, arm)}</th>
          ${metrics.map((metric) => {
            const entry = byArm.find((one) => one.metric === metric && one.arm === arm);
            return entry ? cell(entry, formatValue) : html`<td class="number quiet">–</td>`;
          })}
        </tr>`)}
      </tbody>
    </table><//>`}
    ${differences.length > 0 &&
    html`<${Scroll}><table class="data">
      <thead><tr><th scope="col">Paired difference</th><th scope="col">of</th><th scope="col" class="number">value</th></tr></thead>
      <tbody>
        ${differences.map((entry) => html`<tr key=${entry.name}>
          <th scope="row">${armTitle(card.arms, entry.arm)} − ${armTitle(card.arms, entry.other)}</th><td>${title(entry.metric)}</td>${cell(entry, formatSigned)}
        </tr>`)}
      </tbody>
    </table><//>`}
    ${whole.length > 0 &&
    html`<${Scroll}><table class="data">
      <thead><tr><th scope="col">Whole run</th><th scope="col" class="number">value</th></tr></thead>
      <tbody>${whole.map((entry) => html`<tr key=${entry.name}><th scope="row">${title(entry.metric)}</th>${cell(entry, formatValue)}</tr>`)}</tbody>
    </table><//>`}
  </div>`;
}
