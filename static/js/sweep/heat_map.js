/** A summary number over two fields of a sweep's grid: a table whose cells are coloured, with the scale in numbers. */
import { formatConfig, formatExact, formatTick, toNumber } from '../format.js';
import { blueWhiteRed, cividis, colorScale } from '../frames/colors.js';
import { html } from '../html.js';
import { useQuery } from '../router.js';
import { splitSummary } from '../run/results.js';
import { Scroll } from '../scroll.js';
import { estimateText } from './estimates.js';

/** Wider maps show their numbers on hover only. */
const MOST_NUMBERED = 12;

/** Ink that can be read on a colour. @param {import('../frames/colors.js').Rgb} rgb */
function inkOn([red, green, blue]) {
  const part = (value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
  const luminance = 0.2126 * part(red) + 0.7152 * part(green) + 0.0722 * part(blue);
  return luminance > 0.179 ? '#000000' : '#ffffff';
}

const css = ([red, green, blue]) => `rgb(${red} ${green} ${blue})`;

/** @typedef {{cell: number, mean: number, text: string, title: string, count: number}} Tile */

/**
 * The tile of every pair of values: the cell itself, or where other fields vary too the mean of the cells that share the pair.
 * @param {import('../types.js').SweepDetail} sweep @param {string} name @param {string} across @param {string} down @param {number} place
 * @returns {(Tile | null)[][]}
 */
function tilesOf(sweep, name, across, down, place) {
  const key = (values, field) => sweep.grid[field].findIndex((value) => JSON.stringify(value) === JSON.stringify(values[field]));
  /** @type {{cell: number, estimate: import('../types.js').Estimate | undefined}[][][]} */
  const found = sweep.grid[down].map(() => sweep.grid[across].map(() => []));
  sweep.cells.forEach((cell, index) => found[key(cell.values, down)]?.[key(cell.values, across)]?.push({ cell: index, estimate: cell.summary[name] }));
  return found.map((row) =>
    row.map((cells) => {
      const measured = cells.flatMap(({ estimate }) => (estimate ? [toNumber(estimate.mean)] : []));
      if (measured.length === 0) return null;
      const mean = measured.reduce((sum, value) => sum + value, 0) / measured.length;
      const chosen = cells.find(({ cell }) => cell === place) ?? cells[0];
      const alone = cells.length === 1 && cells[0].estimate;
      const text = alone ? estimateText(name, alone) : estimateText(name, { n: measured.length, mean, standard_deviation: null, interval: null });
      return { cell: chosen.cell, mean, text, title: alone ? '' : ` (mean of ${measured.length} cells)`, count: measured.length };
    }),
  );
}

/**
 * @param {{sweep: import('../types.js').SweepDetail, names: string[], titleOf: (name: string) => string, place: number,
 *   onChoose: (cell: string) => void}} props of a sweep whose grid has at least two fields
 */
export function HeatMap({ sweep, names, titleOf, place, onChoose }) {
  const fields = Object.keys(sweep.grid);
  const [wantedName, setName] = useQuery('map');
  const [wantedX, setX] = useQuery('map.x');
  const [wantedY, setY] = useQuery('map.y');
  const name = names.includes(wantedName) ? wantedName : names[0];
  // The fields with the most values tell the most.
  const byLength = [...fields].sort((a, b) => sweep.grid[b].length - sweep.grid[a].length);
  const across = fields.includes(wantedX) ? wantedX : byLength[0];
  const down = fields.includes(wantedY) && wantedY !== across ? wantedY : (byLength.find((field) => field !== across) ?? byLength[1]);
  const tiles = tilesOf(sweep, name, across, down, place);
  const means = tiles.flat().flatMap((tile) => (tile && Number.isFinite(tile.mean) ? [tile.mean] : []));
  const signed = splitSummary(name).other !== null;
  const scale = colorScale(signed ? 'diverging' : 'sequential', Math.min(...means), Math.max(...means));
  const numbered = sweep.grid[across].length <= MOST_NUMBERED;
  const choice = (label, value, options, set, show = (option) => option) => html`<label>${label} <select class="mini" onChange=${(event) => set(event.currentTarget.value)}>
    ${options.map((option) => html`<option key=${option} value=${option} selected=${option === value}>${show(option)}</option>`)}</select></label>`;
  return html`<section class="heat-map" aria-label="Heat map">
    <div class="view-tools">
      <h2>Heat map</h2>
      ${choice('of', name, names, setName, titleOf)}
      ${fields.length > 2 && choice('across', across, fields, setX)}
      ${fields.length > 2 && choice('down', down, fields.filter((field) => field !== across), setY)}
      ${means.length > 0 && html`<${Scale} scale=${scale} signed=${signed} />`}
    </div>
    <${Scroll}><table class="heat">
      <thead>
        <tr><td></td><th scope="colgroup" colspan=${sweep.grid[across].length}>${across}</th></tr>
        <tr><th scope="col">${down}</th>${sweep.grid[across].map((value) => html`<th scope="col" class="number">${formatConfig(value)}</th>`)}</tr>
      </thead>
      <tbody>
        ${sweep.grid[down].map((value, row) => html`<tr>
          <th scope="row" class="number">${formatConfig(value)}</th>
          ${tiles[row].map((tile, column) => {
            const where = `${across} ${formatConfig(sweep.grid[across][column])}, ${down} ${formatConfig(value)}`;
            if (!tile) return html`<td class="no-tile" title=${`${where}: no run has ended`}></td>`;
            const color = Number.isFinite(tile.mean) ? scale.color(tile.mean) : null;
            const title = `${where}: ${tile.text}${tile.title}\n${formatExact(tile.mean)}`;
            return html`<td><button type="button" class=${tile.cell === place ? 'tile is-current' : 'tile'} title=${title} aria-label=${title} aria-pressed=${tile.cell === place}
              style=${color ? { background: css(color), color: inkOn(color) } : {}} onClick=${() => onChoose(String(tile.cell))}>${numbered ? tile.text : ''}</button></td>`;
          })}
        </tr>`)}
      </tbody>
    </table><//>
    ${fields.length > 2 && html`<p class="note">Each colour is the mean over the other fields.</p>`}
  </section>`;
}

/** @param {{scale: ReturnType<typeof colorScale>, signed: boolean}} props */
function Scale({ scale, signed }) {
  const stops = Array.from({ length: 9 }, (_, i) => css(signed ? blueWhiteRed(i / 8) : cividis(i / 8))).join(', ');
  const show = (value) => formatTick(+value.toPrecision(3));
  return html`<span class="scale number"><span>${show(scale.low)}</span><i style=${{ background: `linear-gradient(90deg, ${stops})` }}></i><span>${show(scale.high)}</span></span>`;
}
