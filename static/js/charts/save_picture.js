/** The two buttons that save what a panel shows as a picture. */
import { saveBlob, saveText } from '../download.js';
import { html } from '../html.js';
import { notifyError } from '../notice.js';
import { pngOf } from './chart_picture.js';

/**
 * @param {{name: string, make: () => string | null | Promise<string | null>}} props `name` of the files, without an ending; `make` gives the
 *   picture as SVG, `null` while nothing is drawn
 */
export function SavePicture({ name, make }) {
  /** @param {(svg: string) => unknown} save */
  const press = (save) => async () => {
    try {
      const svg = await make();
      if (svg) await save(svg);
    } catch (error) {
      notifyError(error);
    }
  };
  return html`<span class="save-picture">
    <button type="button" class="mini" title="Save this picture as SVG" onClick=${press((svg) => saveText(`${name}.svg`, svg, 'image/svg+xml'))}>SVG</button>
    <button type="button" class="mini" title="Save this picture as PNG" onClick=${press(async (svg) => saveBlob(`${name}.png`, await pngOf(svg)))}>PNG</button>
  </span>`;
}
