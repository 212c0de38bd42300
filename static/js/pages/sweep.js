/** The page of one sweep: its runs by state, the claims over its seeds, and the table of its cells. */
import { get, getCard, post } from '../api.js';
import { formatConfig } from '../format.js';
import { html, useState } from '../html.js';
import { useLoad, useTitle } from '../load.js';
import { notify, notifyError } from '../notice.js';
import { ShareDialog } from '../run/share_dialog.js';
import { useCanWrite } from '../session.js';
import { useRunNews } from '../sweep/news.js';
import { isGoingOn, SweepFace } from '../sweep/sweep_face.js';
import { SweepTable } from '../sweep/sweep_table.js';
import { When } from '../when.js';

/** @param {{id: string}} props */
export function SweepPage({ id }) {
  const { value, error, reload } = useLoad(async (signal) => {
    const sweep = /** @type {import('../types.js').SweepDetail} */ (await get(`/api/v1/sweeps/${encodeURIComponent(id)}`, { signal }));
    return { sweep, card: await getCard(sweep.experiment) };
  }, [id]);
  const [sharing, setSharing] = useState(false);
  const [busy, setBusy] = useState(false);
  const canWrite = useCanWrite();
  const goesOn = value !== null && isGoingOn(value.sweep);
  useRunNews(goesOn, reload);
  const heading = value ? value.sweep.name || [value.card.title, value.sweep.preset].join(' · ') : '';
  useTitle(value ? `${heading} · sweep` : null);
  if (error && !value) return html`<main class="page"><h1>No such sweep</h1><p>${error.message}</p><p><a href="/sweeps">All sweeps</a></p></main>`;
  if (!value) return html`<main class="page"><p class="quiet loading">Reading the sweep …</p></main>`;
  const { sweep, card } = value;
  const cancel = async () => {
    setBusy(true);
    try {
      await post(`/api/v1/sweeps/${sweep.id}/cancel`);
      notify('Cancelled: what waits at once, what runs as soon as its worker obeys.');
      reload();
    } catch (problem) {
      notifyError(problem);
    }
    setBusy(false);
  };
  const seeds = sweep.seeds.length === 1 ? `seed ${sweep.seeds[0]}` : `${sweep.seeds.length} seeds`;
  const settings = Object.entries(sweep.config).map(([name, field]) => `${name} ${formatConfig(field)}`);
  const facts = [
    sweep.name ? `${card.title}, ${sweep.preset}` : '',
    ...settings,
    sweep.max_parallel === null ? '' : `at most ${sweep.max_parallel} at once`,
    sweep.project === 'default' ? '' : `project ${sweep.project}`,
  ].filter(Boolean);

  return html`<main class="page">
    <div class="run-head">
      <div>
        <h1>${heading} <span class="quiet">${sweep.cells.length === 1 ? '' : `${sweep.cells.length} cells × `}${seeds}</span></h1>
        <${SweepFace} sweep=${sweep} />
      </div>
      <div class="run-actions">
        <a class="button" href=${`/runs?sweep=${sweep.id}`}>Runs</a>
        ${canWrite && goesOn && html`<button type="button" disabled=${busy} onClick=${cancel}>${busy ? 'Cancel …' : 'Cancel'}</button>`}
        ${canWrite && html`<button type="button" onClick=${() => setSharing(true)}>Share</button>`}
      </div>
    </div>
    ${error && html`<p class="fault">${error.message}</p>`}
    <p class="quiet sweep-facts">${facts.map((fact) => `${fact} · `)}made <${When} time=${sweep.created_at} /> by ${sweep.created_by}${sweep.tags.map((tag) => html` <span class="tag">${tag}</span>`)}</p>
    <${SweepTable} sweep=${sweep} card=${card} source=${{ sweep: `/api/v1/sweeps/${sweep.id}`, base: '/api/v1', anonymous: false }} />
    ${sharing && html`<${ShareDialog} what="sweep" target=${{ sweep_id: sweep.id }} title=${heading} onClose=${() => setSharing(false)} />`}
  </main>`;
}
