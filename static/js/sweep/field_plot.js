/** A summary number against one field of a sweep: a dot a cell with the interval over its seeds. */
import { styleAt } from '../arms.js';
import { linearRange, linearTicks, logRange, logTicks } from '../charts/ranges.js';
import { formatConfig, formatTick, toNumber } from '../format.js';
import { html } from '../html.js';
import { useQuery } from '../router.js';
import { inks, useDark } from '../theme.js';
import { useWidth } from '../width.js';
import { cellName, estimateText } from './estimates.js';
import { fieldsOf } from './fields.js';

const HEIGHT = 260;
const [LEFT, RIGHT, TOP, BOTTOM] = [64, 16, 12, 40];
/** Positive values that span more than this many times their least are drawn on a logarithmic axis. */
const LOG_SPAN = 50;

/** @param {import('../types.js').SweepDetail} sweep @returns {string[]} fields whose values are numbers */
const numericFields = (sweep) => fieldsOf(sweep).filter((field) => sweep.cells.every(({ values }) => values[field] === undefined || typeof values[field] === 'number'));

/** @param {import('../types.js').SweepDetail} sweep */
export const hasFieldPlot = (sweep) => numericFields(sweep).length > 0 && sweep.cells.length > 1;

/**
 * @param {{sweep: import('../types.js').SweepDetail, names: string[], titleOf: (name: string) => string, place: number,
 *   onChoose: (cell: string) => void}} props
 */
export function FieldPlot({ sweep, names, titleOf, place, onChoose }) {
  useDark();
  const [root, width] = useWidth();
  const [wantedName, setName] = useQuery('map');
  const [wantedField, setField] = useQuery('map.x');
  const fields = numericFields(sweep);
  const field = fields.includes(wantedField) ? wantedField : fields[0];
  const name = names.includes(wantedName) ? wantedName : names[0];
  const ink = inks();
  const dots = sweep.cells.flatMap((cell, index) => {
    const estimate = cell.summary[name];
    const at = cell.values[field];
    const mean = estimate ? toNumber(estimate.mean) : NaN;
    return typeof at === 'number' && Number.isFinite(mean) ? [{ index, at, mean, interval: estimate.interval, title: `${cellName(cell.values, formatConfig)}: ${estimateText(name, estimate)}` }] : [];
  });
  const xs = dots.map(({ at }) => at);
  const log = xs.length > 0 && Math.min(...xs) > 0 && Math.max(...xs) > LOG_SPAN * Math.min(...xs);
  const range = (log ? logRange : linearRange)(Math.min(...xs), Math.max(...xs), null);
  const ends = dots.flatMap(({ mean, interval }) => (interval ? [interval.low, interval.high] : [mean]));
  const rise = linearRange(Math.min(...ends), Math.max(...ends), null);
  const part = (value) => (log ? Math.log(value / range[0]) / Math.log(range[1] / range[0]) : (value - range[0]) / (range[1] - range[0]));
  const x = (value) => LEFT + part(value) * (width - LEFT - RIGHT);
  const y = (value) => TOP + (1 - (value - rise[0]) / (rise[1] - rise[0])) * (HEIGHT - TOP - BOTTOM);
  const color = styleAt(0).color;
  const label = (at, top, text, anchor) => html`<text x=${at} y=${top} text-anchor=${anchor} fill=${ink.axis} font-size="11">${text}</text>`;
  return html`<section class="field-plot" aria-label="Number against a field">
    <div class="view-tools">
      <label>Number <select class="mini" onChange=${(event) => setName(event.currentTarget.value)}>${names.map((one) => html`<option key=${one} value=${one} selected=${one === name}>${titleOf(one)}</option>`)}</select></label>
      <label>against <select class="mini" onChange=${(event) => setField(event.currentTarget.value)}>${fields.map((one) => html`<option key=${one} value=${one} selected=${one === field}>${one}</option>`)}</select></label>
    </div>
    <div ref=${root} style=${{ minHeight: `${HEIGHT}px` }}>
      ${width > 0 && dots.length > 0 && html`<svg width=${width} height=${HEIGHT} role="group" aria-label=${`${titleOf(name)} against ${field}, ${dots.length} cells`}>
        ${linearTicks(rise, 5).map((tick) => html`<g key=${`y${tick}`}><line x1=${LEFT} x2=${width - RIGHT} y1=${y(tick)} y2=${y(tick)} stroke=${ink.grid} />${label(LEFT - 6, y(tick) + 4, formatTick(tick), 'end')}</g>`)}
        ${(log ? logTicks(range) : linearTicks(range, Math.max(2, Math.floor((width - LEFT) / 90)))).map((tick) => html`<g key=${`x${tick}`}><line x1=${x(tick)} x2=${x(tick)} y1=${TOP} y2=${HEIGHT - BOTTOM + 4} stroke=${ink.grid} />${label(x(tick), HEIGHT - BOTTOM + 16, formatTick(tick), 'middle')}</g>`)}
        ${label((LEFT + width - RIGHT) / 2, HEIGHT - 6, field, 'middle')}
        ${dots.map(({ index, at, mean, interval, title }) => html`<g key=${index} class="dot" tabindex="0" role="button" aria-label=${title} aria-pressed=${index === place}
          onClick=${() => onChoose(String(index))} onKeyDown=${(event) => (event.key === 'Enter' || event.key === ' ') && (event.preventDefault(), onChoose(String(index)))}>
          <title>${title}</title>
          ${interval && html`<line x1=${x(at)} x2=${x(at)} y1=${y(interval.low)} y2=${y(interval.high)} stroke=${color} />`}
          <circle cx=${x(at)} cy=${y(mean)} r=${index === place ? 6 : 4} fill=${color} stroke=${index === place ? ink.ink : 'none'} stroke-width="2" />
        </g>`)}
      </svg>`}
      ${dots.length === 0 && html`<p class="quiet">Each cell is a dot here once its first run has ended.</p>`}
    </div>
  </section>`;
}
