/** The two buttons that save a chart as a picture. */
import { saveBlob, saveText } from '../download.js';
import { html } from '../html.js';
import { notifyError } from '../notice.js';
import { chartSvg, pngOf } from './chart_picture.js';

/**
 * @param {{chart: {current: import('./line_chart.js').LineChart | null}, name: string, title: string, unit: string,
 *   lines: () => import('./chart_picture.js').NamedLine[]}} props `name` of the files, without an ending
 */
export function SavePicture({ chart, name, title, unit, lines }) {
  /** @param {(svg: string) => unknown} save */
  const make = (save) => async () => {
    // A chart out of sight has drawn nothing yet; one whose buttons are pressed is in sight.
    if (!chart.current?.plot) return;
    try {
      await save(chartSvg(chart.current, title, unit, lines()));
    } catch (error) {
      notifyError(error);
    }
  };
  return html`<span class="save-picture">
    <button type="button" class="mini" title="Save this chart as SVG" onClick=${make((svg) => saveText(`${name}.svg`, svg, 'image/svg+xml'))}>SVG</button>
    <button type="button" class="mini" title="Save this chart as PNG" onClick=${make(async (svg) => saveBlob(`${name}.png`, await pngOf(svg)))}>PNG</button>
  </span>`;
}
