/** A shared run, like a figure: what it is, its curves and pictures, and a caption with its config and version. */
import { formatConfig } from '../format.js';
import { html } from '../html.js';
import { ExportMenu } from '../run/export_menu.js';
import { RunView } from '../run/run_view.js';
import { StatusFace } from '../run/status_face.js';
import { useRunTopics } from '../run/watch.js';
import { configAt, differingFields } from '../compare/grouping.js';
import { cellName } from '../sweep/estimates.js';
import { When } from '../when.js';
import { RunAgain } from './again.js';

/** A run of a share in a few words: what of its config differs between the runs, and its seed. @param {any} share @param {import('../types.js').Run} run */
export function runName(share, run) {
  const fields = share.sweep ? Object.keys(share.sweep.grid) : differingFields(share.runs);
  const values = Object.fromEntries(fields.map((field) => [field, configAt(run, field)]));
  return [share.sweep ? '' : run.name, cellName(values, formatConfig), `seed ${run.seed}`].filter(Boolean).join(', ');
}

/**
 * @param {{data: import('../run/run_data.js').RunData, share: any, card: import('../types.js').Card | null, base: string, isAlone: boolean}} props
 *   `isAlone` where it is all that is shared
 */
export function SharedRun({ data, share, card, base, isAlone }) {
  useRunTopics(data, 'run', 'live');
  const { run, live } = data;
  if (!run) return null;
  return html`<div class="run-head">
      <div>
        ${!isAlone ? html`<h2>Run ${runName(share, run)}</h2>` : html`<h1>${share.title || run.name || [card?.title ?? run.experiment, run.preset].filter(Boolean).join(' · ')}</h1>`}
        <${StatusFace} run=${run} rate=${data.stepsPerSecond} live=${live} />
      </div>
      <div class="run-actions"><${ExportMenu} base=${`${base}/runs/${run.id}`} /></div>
    </div>
    ${run.status === 'failed' && html`<div class="callout is-failed"><p><b>${run.status_reason}</b></p></div>`}
    ${card?.summary && isAlone && html`<p class="lead">${card.summary}</p>`}
    <${RunView} data=${data} card=${card} />
    <${RunAgain} key=${run.id} run=${run} />
    <p class="caption">
      ${card?.title ?? run.experiment}, preset ${run.preset ?? 'none'}, seed ${run.seed}, Engram ${run.engram_version ?? ''}.
      ${card?.paper && html` After <a href=${card.paper.url} rel="noreferrer">${card.paper.title}</a>, ${card.paper.year}.`}
      ${share.expires_at && html` This link ends <${When} time=${share.expires_at} />.`}
    </p>`;
}
