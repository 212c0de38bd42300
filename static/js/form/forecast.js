/** What a run or a sweep would take: time, memory, data, and what can be known before training. */
import { formatBytes, formatDuration, formatValue } from '../format.js';
import { html } from '../html.js';

/** @param {{forecast: import('./check.js').Forecast | null, runs: number}} props */
export function ForecastTable({ forecast, runs }) {
  if (!forecast) return html`<p class="quiet">Time, memory and data stand here once the form is right.</p>`;
  const estimates = Object.entries(forecast.estimates ?? {});
  const dataText = { bundled: '✓ comes with Engram', present: '✓ present', imported: '✓ imported', absent: 'will be fetched first', fetching: 'is being fetched', corrupt: 'is damaged and will be fetched again' };
  return html`<table class="data keys"><tbody>
    ${runs > 1 && html`<tr><th scope="row">Runs</th><td class="number">${runs}</td></tr>`}
    <tr><th scope="row">${runs > 1 ? 'Time of each' : 'Time'}</th><td class="number">~${formatDuration(forecast.seconds)}</td></tr>
    <tr><th scope="row">Memory</th><td class="number">${formatBytes(forecast.memory_bytes)}</td></tr>
    ${(forecast.datasets ?? []).map((dataset) => html`<tr key=${dataset.id}><th scope="row">${dataset.id}</th><td class="number">${dataset.state === 'absent' && !dataset.fetchable ? 'must be imported first' : dataText[dataset.state] ?? dataset.state}${dataset.state === 'absent' && dataset.fetchable ? `, ${formatBytes(dataset.bytes)}` : ''}</td></tr>`)}
    ${estimates.map(([name, number]) => html`<tr key=${name}><th scope="row">${name}</th><td class="number" title=${String(number)}>${formatValue(number, name)}</td></tr>`)}
  </tbody></table>`;
}
