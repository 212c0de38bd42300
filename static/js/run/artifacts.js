/** The files that a run has left behind, to download. */
import { get } from '../api.js';
import { formatBytes } from '../format.js';
import { html } from '../html.js';
import { useLoad } from '../load.js';

/** @param {{source: import('./run_data.js').Source, status: string}} props */
export function Artifacts({ source, status }) {
  const base = `${source.base}/artifacts`;
  const { value, error } = useLoad((signal) => get(`${base}?limit=500`, { signal, anonymous: source.anonymous }), [base, status]);
  const items = /** @type {import('../types.js').ArtifactInfo[]} */ (value?.items ?? []);
  const address = (path) => `${base}/${path.split('/').map(encodeURIComponent).join('/')}`;
  return html`<details class="side" open>
    <summary>Artifacts <span class="quiet">${items.length || ''}</span></summary>
    ${error && html`<p class="fault">${error.message}</p>`}
    ${items.length === 0 && html`<p class="quiet">Weights and tables come here when the run ends.</p>`}
    <ul class="files">
      ${items.map((item) => html`<li key=${item.path}>
        <a href=${address(item.path)} download=${item.path.split('/').pop()} title=${`sha256 ${item.sha256}`}>${item.path}</a>
        <span class="number quiet">${formatBytes(item.bytes)}</span>
      </li>`)}
    </ul>
  </details>`;
}
