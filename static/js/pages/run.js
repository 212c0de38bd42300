/** The page of one run. */
import { getCard } from '../api.js';
import { html, useEffect, useState } from '../html.js';
import { isPageKey } from '../keys.js';
import { useTitle } from '../load.js';
import { RunActions } from '../run/actions.js';
import { ExportMenu } from '../run/export_menu.js';
import { ForkDialog } from '../run/fork_dialog.js';
import { RunData } from '../run/run_data.js';
import { RunView } from '../run/run_view.js';
import { SamenessVerdict } from '../run/sameness.js';
import { ShareDialog } from '../run/share_dialog.js';
import { StatusFace } from '../run/status_face.js';
import { useRunTopics } from '../run/watch.js';
import { useCanWrite } from '../session.js';

/** @param {{id: string}} props */
export function RunPage({ id }) {
  const [data, setData] = useState(/** @type {RunData | null} */ (null));
  // `undefined` while it is asked for, `null` where this catalogue has none.
  const [card, setCard] = useState(/** @type {import('../types.js').Card | null | undefined} */ (undefined));
  const [error, setError] = useState('');
  const [sharing, setSharing] = useState(false);
  const [forking, setForking] = useState(false);
  const canWrite = useCanWrite();
  useEffect(() => {
    const opened = new RunData({ base: `/api/v1/runs/${encodeURIComponent(id)}`, anonymous: false });
    setData(opened);
    setError('');
    setCard(undefined);
    // Both are needed for the first drawing; the card is asked for as soon as the run has named it.
    const stop = opened.on('run', () => {
      stop();
      getCard(opened.run?.experiment ?? '').then(setCard, () => setCard(null));
    });
    opened.open().catch((problem) => setError(problem.message));
    return () => {
      stop();
      opened.close();
    };
  }, [id]);
  useRunTopics(data, 'run', 'live');
  const run = data?.run;
  const heading = run ? run.name || [card?.title ?? run.experiment, run.preset].filter(Boolean).join(' · ') : '';
  useTitle(run ? `${run.status === 'running' ? `${Math.floor(run.progress.percent)}% ` : ''}${heading}` : null);
  useEffect(() => {
    const onKey = (event) => event.key === 's' && isPageKey(event) && canWrite && setSharing(true);
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, [canWrite]);

  if (error && !run) return html`<main class="page"><h1>No such run</h1><p>${error}</p><p><a href="/runs">All runs</a></p></main>`;
  // Claims and panels are the card's: without it the page would be drawn twice, and jump.
  if (!data || !run || card === undefined) return html`<main class="page"><p class="quiet loading">Reading the run …</p></main>`;
  const lastLines = data.logs.slice(-3);
  return html`<main class="page run-page">
    <div class="run-head">
      <div>
        <h1>${heading} <span class="quiet">${run.name ? `${card?.title ?? run.experiment} · ${run.preset ?? ''} · ` : ''}seed ${run.seed}</span></h1>
        <${StatusFace} run=${run} rate=${data.stepsPerSecond} live=${data.live} />
      </div>
      <div class="run-actions"><${ExportMenu} base=${`/api/v1/runs/${run.id}`} />
        <${RunActions} run=${run} canWrite=${canWrite} onShare=${() => setSharing(true)} onFork=${() => setForking(true)}
          onChange=${(changed) => { if (changed.last_seq >= run.last_seq) { data.run = { ...changed, last_seq: run.last_seq }; data.tell('run'); } }} /></div>
    </div>
    ${run.status === 'failed' &&
    html`<div class="callout is-failed"><p><b>${run.status_reason ?? 'It failed without a reason.'}</b></p>
      ${lastLines.map((line) => html`<p class="log-line" key=${line.seq}>${line.message}</p>`)}</div>`}
    ${error && html`<p class="fault">${error}</p>`}
    ${run.parent_id && html`<${SamenessVerdict} id=${run.id} withId=${run.parent_id} status=${run.status} />`}
    <${RunView} data=${data} card=${card} />
    ${forking && card && html`<${ForkDialog} run=${run} card=${card} onClose=${() => setForking(false)} />`}
    ${sharing && html`<${ShareDialog} what="run" target=${{ run_id: run.id }} title=${heading} onClose=${() => setSharing(false)} />`}
  </main>`;
}
