/** What can be done with a run in its present state. */
import { call, newIdempotencyKey, post } from '../api.js';
import { Confirm } from '../dialog.js';
import { html, useState } from '../html.js';
import { notify, notifyError } from '../notice.js';
import { navigate } from '../router.js';
import { EndNotice } from './end_notice.js';
import { TERMINAL } from './run_data.js';

/**
 * @param {{run: import('../types.js').Run, onChange: (run: import('../types.js').Run) => void, onShare: () => void, onFork: () => void, canWrite: boolean}} props
 */
export function RunActions({ run, onChange, onShare, onFork, canWrite }) {
  const [busy, setBusy] = useState('');
  const [asking, setAsking] = useState(false);
  const ended = TERMINAL.has(run.status);
  const notice = !ended && html`<${EndNotice} id=${run.id} title=${run.name || [run.experiment, run.preset].filter(Boolean).join(' · ')} />`;
  if (!canWrite) return html`<div class="run-actions">${notice}</div>`;
  const base = `/api/v1/runs/${run.id}`;

  /** @param {string} name @param {() => Promise<void>} act */
  const doing = (name, act) => async () => {
    setBusy(name);
    await act().catch(notifyError);
    setBusy('');
  };
  const order = (name, done) => doing(name, async () => {
    onChange(await post(`${base}/${name}`));
    notify(done);
  });
  const retry = doing('retry', async () => {
    const made = await post(`${base}/retry`, undefined, { idempotencyKey: newIdempotencyKey() });
    navigate(`/runs/${made.id}`);
  });
  const remove = doing('delete', async () => {
    await call('DELETE', base);
    notify('The run is gone.');
    navigate('/runs');
  });
  const setArchived = async (archived) => onChange(await call('PATCH', base, { archived }));
  const archive = doing('archive', async () => {
    const { archived } = run;
    await setArchived(!archived);
    notify(archived ? 'Back in the list.' : 'Archived: hidden from the list, kept in full.', () => setArchived(archived));
  });
  const button = (name, label, act, kind = '') => html`<button type="button" key=${name} class=${kind} disabled=${busy !== ''} onClick=${act}>${busy === name ? `${label} …` : label}</button>`;

  return html`<div class="run-actions">
    ${run.status === 'paused' && button('resume', 'Resume', order('resume', 'Back in the queue.'), 'primary')}
    ${(run.status === 'running' || run.status === 'queued') && button('pause', 'Pause', order('pause', 'Pauses after its checkpoint.'))}
    ${!ended && button('cancel', 'Cancel', order('cancel', 'Cancelled.'))}
    ${(run.status === 'failed' || run.status === 'cancelled') && button('retry', 'Retry', retry, 'primary')}
    ${notice}
    <a class="button" href=${`/new/${run.experiment}?from=${run.id}`}>Clone…</a>
    ${run.status !== 'queued' && button('fork', 'Fork…', onFork)}
    ${button('share', 'Share', onShare, run.status === 'succeeded' ? 'primary' : '')}
    ${ended && button('archive', run.archived ? 'Unarchive' : 'Archive', archive)}
    ${(ended || run.status === 'queued') && button('delete', 'Delete…', () => setAsking(true))}
    ${asking &&
    html`<${Confirm} title="Delete this run?" text="Its points, pictures, log and files go with it, and links to it stop working. This cannot be undone." verb="Delete" onConfirm=${remove} onClose=${() => setAsking(false)} />`}
  </div>`;
}
