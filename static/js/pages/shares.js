/** All links that were given away: when they end, and the buttons that change or end them. */
import { call, getAll } from '../api.js';
import { Confirm, Dialog } from '../dialog.js';
import { formatUtc, formatWhen, shortId } from '../format.js';
import { html, useState } from '../html.js';
import { useLoad, useTitle } from '../load.js';
import { notify, notifyError } from '../notice.js';
import { Scroll } from '../scroll.js';
import { useCanWrite } from '../session.js';
import { TermChoice, TERMS } from '../share/terms.js';
import { Age, When } from '../when.js';

export function SharesPage() {
  useTitle('Shares');
  const canWrite = useCanWrite();
  const { value, error, reload } = useLoad((signal) => getAll('/api/v1/shares', { signal }), []);
  const [asking, setAsking] = useState(/** @type {import('../types.js').Share | null} */ (null));
  const [changing, setChanging] = useState(/** @type {import('../types.js').Share | null} */ (null));
  const shares = /** @type {import('../types.js').Share[] | null} */ (value);
  const revoke = async (share) => {
    try {
      await call('DELETE', `/api/v1/shares/${share.id}`);
      notify('Revoked. Open pages of it are closed.');
      reload();
    } catch (problem) {
      notifyError(problem);
    }
  };
  const runsOf = (share) => share.run_ids ?? (share.run_id ? [share.run_id] : []);
  const isOver = (share) => share.open === false || (share.expires_at !== null && new Date(share.expires_at) < new Date());
  const endText = (share) => {
    if (share.revoked_at) return html`revoked <${When} time=${share.revoked_at} />`;
    if (!share.expires_at) return 'never';
    return html`${isOver(share) ? 'ended ' : ''}<${When} time=${share.expires_at} />`;
  };
  return html`<main class="page">
    <div class="page-head"><h1>Shares</h1></div>
    ${error && html`<p class="fault">${error.message}</p>`}
    ${shares && shares.length === 0 && html`<div class="empty"><p>A share is a link that shows one run or sweep, live and read-only, to whoever has it. Open a run and press <b>Share</b>.</p><a class="button primary" href="/runs">Choose a run</a></div>`}
    ${shares &&
    shares.length > 0 &&
    html`<${Scroll}><table class="data">
      <thead><tr><th scope="col">Title</th><th scope="col">Shows</th><th scope="col">Ends</th><th scope="col" class="number from-tablet">Made</th><td></td></tr></thead>
      <tbody>
        ${shares.map((share) => html`<tr key=${share.id} class=${isOver(share) ? 'is-over' : ''}>
          <td>${share.title || html`<span class="quiet">without a title</span>`}</td>
          <td>${runsOf(share).length > 1 && html`<a href=${`/compare?runs=${runsOf(share).join(',')}`}>${runsOf(share).length} runs</a>`}${runsOf(share).length === 1 && runsOf(share).map((id, index) => html`${index > 0 && ', '}<a href=${`/runs/${id}`}>run ${shortId(id)}</a>`)}${share.sweep_id && html`<a href=${`/sweeps/${share.sweep_id}`}>sweep ${shortId(share.sweep_id)}</a>`}</td>
          <td><span class=${isOver(share) ? 'quiet' : ''}>${endText(share)}</span></td>
          <td class="number quiet from-tablet">${share.created_at ? html`<${Age} time=${share.created_at} />` : ''}${share.created_by ? ` by ${share.created_by}` : ''}</td>
          <td class="row-actions">${canWrite && !share.revoked_at && html`<button class="mini" onClick=${() => setChanging(share)}>Change…</button> ${!isOver(share) && html`<button class="mini" onClick=${() => setAsking(share)}>Revoke…</button>`}`}</td>
        </tr>`)}
      </tbody>
    </table><//>
    <p class="note">The links themselves are shown only when they are made. Revoking one closes the pages that show it.</p>`}
    ${changing && html`<${ChangeDialog} share=${changing} over=${isOver(changing)} onClose=${() => setChanging(null)} onChanged=${reload} />`}
    ${asking && html`<${Confirm} title="Revoke this link?" text="Whoever has it sees nothing any more, at once. What it shows stays." verb="Revoke" onConfirm=${() => revoke(asking)} onClose=${() => setAsking(null)} />`}
  </main>`;
}

/** @param {{share: import('../types.js').Share, over: boolean, onClose: () => void, onChanged: () => void}} props */
function ChangeDialog({ share, over, onClose, onChanged }) {
  const [title, setTitle] = useState(share.title ?? '');
  const [term, setTerm] = useState(-1);
  const [fault, setFault] = useState('');
  const change = async (event) => {
    event.preventDefault();
    try {
      await call('PATCH', `/api/v1/shares/${share.id}`, { title: title.trim(), ...(term >= 0 ? { expires_in_seconds: TERMS[term][1] } : {}) });
      notify('Changed. The link stays the same.');
      onChanged();
      onClose();
    } catch (problem) {
      setFault(problem instanceof Error ? problem.message : String(problem));
    }
  };
  return html`<${Dialog} title="Change this link" onClose=${onClose}>
    <form class="stack" onSubmit=${change}>
      <label class="stacked">Title <input type="text" value=${title} maxlength="200" onInput=${(event) => setTitle(event.currentTarget.value)} /></label>
      <${TermChoice} term=${term} onChange=${setTerm} keep=${over ? 'As it is: ended' : share.expires_at ? `As it is: ${formatWhen(share.expires_at)}` : 'As it is: never'} keepTitle=${share.expires_at ? formatUtc(share.expires_at) : ''} />
      ${fault && html`<p class="fault">${fault}</p>`}
      <div class="actions"><button type="button" onClick=${onClose}>Cancel</button><button class="primary">Change</button></div>
    </form>
  <//>`;
}
