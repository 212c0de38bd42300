/** What a sweep has come to: the claims over the seeds of a cell and its curves, a map of the cells, and their table. */
import { get } from '../api.js';
import { armTitle, inCardOrder } from '../arms.js';
import { formatConfig, formatExact, formatValue } from '../format.js';
import { html, useMemo, useState } from '../html.js';
import { useLoad } from '../load.js';
import { useQuery } from '../router.js';
import { Claims, SIGNS } from '../run/claims.js';
import { splitSummary } from '../run/results.js';
import { Scroll } from '../scroll.js';
import { CellCurves } from './cell_curves.js';
import { cellName, estimateText, estimateTitle } from './estimates.js';
import { FieldPlot, hasFieldPlot } from './field_plot.js';
import { fieldsOf, isGrid } from './fields.js';
import { HeatMap } from './heat_map.js';
import { StateCounts } from './sweep_face.js';

/** Rows drawn before somebody asks for all. */
const FIRST_ROWS = 200;

/** @typedef {{key: string, metric: string, differences: boolean, names: string[]}} Group summary names shown side by side */

/**
 * Summary names by metric, arms apart from paired differences; the arms in the card's order, and what has a better side first.
 * @param {import('../types.js').SweepDetail} sweep @param {import('../types.js').Card} card @returns {Group[]}
 */
function groupsOf(sweep, card) {
  /** @type {Map<string, Group>} */
  const groups = new Map();
  for (const name of new Set(sweep.cells.flatMap((cell) => Object.keys(cell.summary)))) {
    const { metric, other } = splitSummary(name);
    const key = other === null ? metric : `${metric} differences`;
    if (!groups.has(key)) groups.set(key, { key, metric, differences: other !== null, names: [] });
    groups.get(key)?.names.push(name);
  }
  for (const group of groups.values()) {
    const arms = inCardOrder(card.arms, group.names.map((name) => splitSummary(name).arm));
    const place = (name) => arms.indexOf(splitSummary(name).arm);
    group.names.sort((a, b) => place(a) - place(b) || a.localeCompare(b));
  }
  const rank = ({ metric }) => {
    const index = card.metrics.findIndex((known) => known.name === metric);
    if (metric === 'accuracy/test') return -1;
    return (index < 0 ? card.metrics.length : index) + (card.metrics[index]?.better ? 0 : card.metrics.length);
  };
  return [...groups.values()].sort((a, b) => rank(a) - rank(b) || a.key.localeCompare(b.key));
}

/** @param {import('../types.js').Card} card @param {string} name */
function nameTitle(card, name) {
  const { arm, other } = splitSummary(name);
  return other ? `${armTitle(card.arms, arm)} − ${armTitle(card.arms, other)}` : armTitle(card.arms, arm);
}

/**
 * @param {{sweep: import('../types.js').SweepDetail, card: import('../types.js').Card, source: {sweep: string, base: string, anonymous: boolean}}} props
 *   `source.sweep` is the address of the sweep, `source.base` the one below which its runs are
 */
export function SweepTable({ sweep, card, source }) {
  const [chosen, choose] = useQuery('metric');
  const [chosenCell, setCell] = useQuery('cell', '0');
  const groups = useMemo(() => groupsOf(sweep, card), [sweep, card]);
  const group = groups.find(({ key }) => key === chosen) ?? groups[0];
  const place = sweep.cells[Number(chosenCell)] ? Number(chosenCell) : 0;
  const cell = sweep.cells[place];
  const hasMany = sweep.cells.length > 1;
  // Another run of the cell may have begun or ended when these change.
  const version = cell ? JSON.stringify(cell.status) : '';
  const cellPath = `${source.sweep}/cells/${place}`;
  // What stands below the curves waits for them once, so that it is not pushed down.
  const [isSteady, setSteady] = useState(false);
  const { value: detail, error: bare } = useLoad((signal) => get(cellPath, { signal, anonymous: source.anonymous }), [cellPath], version);
  const titleOf = (name) => `${card.metrics.find((known) => known.name === splitSummary(name).metric)?.title ?? splitSummary(name).metric}, ${nameTitle(card, name)}`;
  // What the first claim is judged by tells most of where in the grid it would hold.
  const measure = card.claims.find((claim) => groups.some(({ names }) => names.includes(claim.measure)))?.measure;
  const mapped = [...new Set([...(measure ? [measure] : []), ...groups.flatMap(({ names }) => names)])];
  const title = ({ metric, differences }) => `${card.metrics.find((known) => known.name === metric)?.title ?? metric}${differences ? ', paired differences' : ''}`;

  return html`<div class="sweep-table">
    ${cell && card.claims.length > 0 &&
    html`<section class="sweep-claims">
      <h2>Claims over seeds ${hasMany && html`<span class="quiet">${cellName(cell.values, formatConfig)}</span>`}</h2>
      <${Claims} card=${card} run=${cell} estimates=${cell.summary} preset=${sweep.preset} source=${{ path: cellPath, anonymous: source.anonymous }} />
    </section>`}
    ${hasMany && mapped.length > 0 && (isGrid(sweep) && fieldsOf(sweep).length > 1
      ? html`<${HeatMap} sweep=${sweep} names=${mapped} titleOf=${titleOf} place=${place} onChoose=${setCell} />`
      : hasFieldPlot(sweep) && html`<${FieldPlot} sweep=${sweep} names=${mapped} titleOf=${titleOf} place=${place} onChoose=${setCell} />`)}
    ${detail && html`<${CellCurves} card=${card} seeds=${detail.seeds} base=${source.base} anonymous=${source.anonymous} version=${version} onRead=${() => setSteady(true)} />`}
    ${!isSteady && !bare && cell ? null : group
      ? html`<div class="view-tools">
          <h2>${hasMany ? 'Cells' : 'Numbers over seeds'}</h2>
          <select aria-label="Metric" onChange=${(event) => choose(event.currentTarget.value)}>
            ${groups.map((one) => html`<option key=${one.key} value=${one.key} selected=${one === group}>${title(one)}</option>`)}
          </select>
          <span class="quiet">mean ± half of the 95% t-interval</span>
        </div>`
      : html`<p class="note">Numbers stand here once the first runs have ended.</p>`}
    ${hasMany && (isSteady || bare) && html`<${Cells} sweep=${sweep} card=${card} names=${group?.names ?? []} place=${place} onChoose=${setCell} />`}
    ${!hasMany && cell && group && (isSteady || bare) && html`<${Numbers} cell=${cell} card=${card} names=${group.names} />`}
  </div>`;
}

/** The one cell of a sweep over seeds alone: a row a number. @param {{cell: import('../types.js').SweepCell, card: import('../types.js').Card, names: string[]}} props */
function Numbers({ cell, card, names }) {
  return html`<${Scroll}><table class="data facts cells">
    <thead><tr><th scope="col">Arm</th><th scope="col" class="number">n</th><th scope="col" class="number">Mean</th><th scope="col" class="number">Standard deviation</th><th scope="col" class="number">95% interval</th></tr></thead>
    <tbody>
      ${names.map((name) => {
        const { metric } = splitSummary(name);
        const estimate = cell.summary[name];
        const { n, standard_deviation: deviation, interval } = estimate;
        return html`<tr key=${name} title=${estimateTitle(name, estimate)}>
          <th scope="row">${nameTitle(card, name)}</th>
          <td class="number">${n}</td>
          <td class="number">${estimateText(name, estimate)}</td>
          <td class="number" title=${deviation === null ? '' : formatExact(deviation)}>${deviation === null ? '–' : formatValue(deviation, metric)}</td>
          <td class="number">${interval ? `${formatValue(interval.low, metric)} to ${formatValue(interval.high, metric)}` : '–'}</td>
        </tr>`;
      })}
    </tbody>
  </table><//>`;
}

/**
 * @param {{sweep: import('../types.js').SweepDetail, card: import('../types.js').Card, names: string[], place: number,
 *   onChoose: (cell: string) => void}} props
 */
function Cells({ sweep, card, names, place, onChoose }) {
  const [all, setAll] = useState(false);
  const fields = fieldsOf(sweep);
  const rows = all ? sweep.cells : sweep.cells.slice(0, FIRST_ROWS);
  return html`<${Scroll}><table class="data cells">
      <thead><tr>
        ${fields.map((field) => html`<th scope="col" key=${field}>${field}</th>`)}
        ${card.claims.length > 0 && html`<th scope="col">Claims</th>`}
        <th scope="col">Runs</th><th scope="col" class="number">n</th>
        ${names.map((name) => html`<th scope="col" class="number" key=${name} title=${name}>${nameTitle(card, name)}</th>`)}
      </tr></thead>
      <tbody>
        ${rows.map((cell, index) => html`<${CellRow} key=${index} cell=${cell} card=${card} fields=${fields} names=${names} current=${index === place} onChoose=${() => onChoose(String(index))} />`)}
      </tbody>
    </table><//>
    ${rows.length < sweep.cells.length && html`<p class="more"><button onClick=${() => setAll(true)}>Show all ${sweep.cells.length} cells</button></p>`}`;
}

/**
 * @param {{cell: import('../types.js').SweepCell, card: import('../types.js').Card, fields: string[], names: string[], current: boolean,
 *   onChoose: () => void}} props
 */
function CellRow({ cell, card, fields, names, current, onChoose }) {
  // What most numbers of the row have; one with fewer says so itself.
  const n = Math.max(0, ...names.map((name) => cell.summary[name]?.n ?? 0));
  const verdicts = cell.claims.map((verdict) => `${verdict.id} ${verdict.verdict}: ${verdict.detail}`).join('\n');
  return html`<tr class=${current ? 'is-current' : ''}>
    ${fields.map((field) => html`<td key=${field} class="value">${cell.values[field] === undefined ? '' : formatConfig(cell.values[field])}</td>`)}
    ${card.claims.length > 0 &&
    html`<td><button class="mini verdicts" aria-pressed=${current} title=${`${verdicts}\n\nClick shows them above.`} aria-label=${verdicts} onClick=${onChoose}>
      ${cell.claims.map((verdict) => html`<span key=${verdict.id} data-verdict=${verdict.verdict}>${SIGNS[verdict.verdict]}</span>`)}
    </button></td>`}
    <td><${StateCounts} counts=${cell.status} /></td>
    <td class="number">${n === 0 ? html`<span class="quiet">–</span>` : n}</td>
    ${names.map((name) => {
      const estimate = cell.summary[name];
      if (!estimate) return html`<td class="number quiet" key=${name}>–</td>`;
      return html`<td class="number" key=${name} title=${estimateTitle(name, estimate)}>${estimateText(name, estimate)}${estimate.n < n && html` <span class="quiet">n ${estimate.n}</span>`}</td>`;
    })}
  </tr>`;
}
