/** A chart as a picture of its own, SVG or PNG: the range that is shown, with title, axes and legend, in the colours of the page. */
import { formatTick } from '../format.js';
import { html, render } from '../html.js';
import { inks } from '../theme.js';
import { linearTicks, logTicks } from './ranges.js';

const [WIDTH, PLOT_HEIGHT] = [800, 380];
const [LEFT, RIGHT, TOP, BOTTOM] = [76, 20, 44, 46];
const [LEGEND_COLUMNS, LEGEND_LINE] = [3, 20];
/** Of a label in the legend. */
const MOST_CHARACTERS = 34;
/** Pixels of a PNG for each of the SVG's. */
const SHARPNESS = 2;

/** @typedef {{label: string, series: import('./series.js').Series, style: () => import('../arms.js').ArmStyle}} NamedLine */

/** Path of a curve, broken where a value has no place. @param {number[]} xs @param {number[]} ys @param {(x: number) => number} x @param {(y: number) => number} y */
function pathOf(xs, ys, x, y) {
  let path = '';
  let drawing = false;
  for (let i = 0; i < xs.length; i += 1) {
    const [left, top] = [x(xs[i]), y(ys[i])];
    if (!Number.isFinite(left) || !Number.isFinite(top)) {
      drawing = false;
      continue;
    }
    path += `${drawing ? 'L' : 'M'}${left.toFixed(1)} ${top.toFixed(1)}`;
    // A lone point has no line; its round ends make it a dot.
    if (!drawing && (i + 1 >= xs.length || !Number.isFinite(y(ys[i + 1])))) path += 'h0';
    drawing = true;
  }
  return path;
}

/** @param {import('./line_chart.js').LineChart} chart that has been drawn @param {string} title @param {string} unit @param {NamedLine[]} lines */
export function chartSvg(chart, title, unit, lines) {
  const ink = inks();
  const { xLog, yLog, group } = chart;
  const axis = /** @type {any} */ (group).x;
  const { x: xScale, y: yScale } = chart.plot.scales;
  const part = (value, { min, max }, log) => (log ? (value > 0 ? Math.log(value / min) / Math.log(max / min) : NaN) : (value - min) / (max - min));
  const x = (value) => LEFT + part(value, xScale, xLog) * (WIDTH - LEFT - RIGHT);
  const y = (value) => TOP + (1 - part(value, yScale, yLog)) * (PLOT_HEIGHT - TOP - BOTTOM);
  const ticks = (scale, log, count) => (log ? logTicks([scale.min, scale.max]) : linearTicks([scale.min, scale.max], count));
  const shown = lines.filter(({ series }) => series.arm === null || !group.hidden.has(series.arm));
  const height = PLOT_HEIGHT + Math.ceil(shown.length / LEGEND_COLUMNS) * LEGEND_LINE + 12;
  const text = (at, top, label, anchor, fill = ink.axis) => html`<text x=${at} y=${top} text-anchor=${anchor} fill=${fill} font-size="12">${label}</text>`;
  const root = document.createElement('div');
  render(
    html`<svg xmlns="http://www.w3.org/2000/svg" width=${WIDTH} height=${height} viewBox=${`0 0 ${WIDTH} ${height}`} font-family="system-ui, sans-serif" role="img">
      <title>${title}</title>
      <rect width=${WIDTH} height=${height} fill=${ink.paper} />
      <text x=${LEFT} y="26" font-size="15" font-weight="600" fill=${ink.ink}>${title}</text>
      ${unit && text(WIDTH - RIGHT, 26, unit, 'end')}
      <clipPath id="field"><rect x=${LEFT} y=${TOP} width=${WIDTH - LEFT - RIGHT} height=${PLOT_HEIGHT - TOP - BOTTOM} /></clipPath>
      ${ticks(yScale, yLog, 6).map((tick) => html`<g><line x1=${LEFT} x2=${WIDTH - RIGHT} y1=${y(tick)} y2=${y(tick)} stroke=${ink.grid} />${text(LEFT - 8, y(tick) + 4, formatTick(tick), 'end')}</g>`)}
      ${ticks(xScale, xLog, 8).map((tick) => html`<g><line x1=${x(tick)} x2=${x(tick)} y1=${TOP} y2=${PLOT_HEIGHT - BOTTOM + 4} stroke=${ink.grid} />${text(x(tick), PLOT_HEIGHT - BOTTOM + 18, (axis?.tick ?? formatTick)(tick), 'middle')}</g>`)}
      ${text((LEFT + WIDTH - RIGHT) / 2, PLOT_HEIGHT - 8, axis?.title ?? 'step', 'middle')}
      <g clip-path="url(#field)" fill="none" stroke-linejoin="round" stroke-linecap="round">
        ${[...shown].reverse().map(({ series, style }) => {
          const { color, dash, width } = style();
          return html`<path d=${pathOf(axis ? axis.placesOf(series) : series.steps, series.values, x, y)} stroke=${color} stroke-width=${width} stroke-dasharray=${dash.join(' ')} />`;
        })}
      </g>
      ${shown.map(({ label, style }, i) => {
        const { color, dash, width } = style();
        const left = LEFT + (i % LEGEND_COLUMNS) * ((WIDTH - LEFT - RIGHT) / LEGEND_COLUMNS);
        const top = PLOT_HEIGHT + 6 + Math.floor(i / LEGEND_COLUMNS) * LEGEND_LINE;
        const name = label.length > MOST_CHARACTERS ? `${label.slice(0, MOST_CHARACTERS - 1)}…` : label;
        return html`<g><line x1=${left} x2=${left + 24} y1=${top} y2=${top} stroke=${color} stroke-width=${width} stroke-dasharray=${dash.join(' ')} />${text(left + 32, top + 4, name, 'start', ink.ink)}</g>`;
      })}
    </svg>`,
    root,
  );
  const svg = root.firstElementChild;
  const out = svg ? new XMLSerializer().serializeToString(svg) : '';
  render(null, root);
  return out;
}

/** The same as pixels. @param {string} svg @returns {Promise<Blob>} */
export async function pngOf(svg) {
  const image = new Image();
  image.src = `data:image/svg+xml,${encodeURIComponent(svg)}`;
  await image.decode();
  const canvas = document.createElement('canvas');
  canvas.width = image.naturalWidth * SHARPNESS;
  canvas.height = image.naturalHeight * SHARPNESS;
  canvas.getContext('2d')?.drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('The picture could not be made.'))), 'image/png');
  });
}
