/** What can be done with the runs that are selected. */
import { post } from '../api.js';
import { Confirm, Dialog } from '../dialog.js';
import { html, useState } from '../html.js';
import { notify, notifyError } from '../notice.js';

/** @typedef {{ids: string[]} | {filter: string}} Chosen which runs, as the server is told */
/** @typedef {{changed: string[], unchanged: number, refused: {id: string, reason: string}[]}} Outcome */

const runs = (count) => `${count} ${count === 1 ? 'run' : 'runs'}`;
/** @type {Record<string, string>} */
const DONE = { tag: 'Tagged', untag: 'Tag taken from', archive: 'Archived', unarchive: 'Back in the list:', cancel: 'Cancelled', delete: 'Deleted' };

/** What has come of it in a sentence. @param {string} action @param {Outcome} outcome */
function told(action, { changed, unchanged, refused }) {
  const parts = [`${DONE[action]} ${runs(changed.length)}.`];
  if (unchanged > 0) parts.push(`${unchanged} already ${unchanged === 1 ? 'was' : 'were'} so.`);
  if (refused.length > 0) {
    const reasons = [...new Set(refused.map((run) => run.reason))];
    parts.push(`${refused.length} not: ${reasons.slice(0, 2).join('; ')}${reasons.length > 2 ? '; …' : ''}.`);
  }
  return parts.join(' ');
}

/**
 * @param {{count: number, all: boolean, archived: boolean, chosen: Chosen, tags: string[], canWrite: boolean, onCompare: (() => void) | null,
 *   onNone: () => void, onChanged: (action: string) => void}} props
 */
export function BulkBar({ count, all, archived, chosen, tags, canWrite, onCompare, onNone, onChanged }) {
  const [asking, setAsking] = useState('');
  const [busy, setBusy] = useState(false);

  /** @param {string} action @param {Chosen} which @param {string} [tag] @returns {Promise<Outcome>} */
  const change = async (action, which, tag) => {
    const outcome = await post('/api/v1/runs/bulk', { ...which, action, ...(tag === undefined ? {} : { tag }) });
    onChanged(action);
    return outcome;
  };
  /** @param {string} action @param {string} [tag] */
  const act = async (action, tag) => {
    setBusy(true);
    try {
      const outcome = await change(action, chosen, tag);
      const contrary = { archive: 'unarchive', unarchive: 'archive', tag: 'untag', untag: 'tag' }[action];
      notify(told(action, outcome), contrary && outcome.changed.length > 0 ? () => change(contrary, { ids: outcome.changed }, tag) : undefined);
    } catch (error) {
      notifyError(error);
    }
    setBusy(false);
  };
  const button = (action, label) => html`<button key=${action} disabled=${busy} onClick=${() => act(action)}>${label}</button>`;
  if (count === 0) return null;
  return html`<div class="selection" role="region" aria-label="Selected runs">
    <span><b class="number">${count}</b> selected${all ? ', all that match' : ''}</span>
      <button disabled=${!onCompare} title=${onCompare ? undefined : 'Between 1 and 200 runs can be compared'} onClick=${onCompare}>Compare</button>
      ${canWrite && html`<button disabled=${busy} onClick=${() => setAsking('tag')}>Tag…</button>
        ${archived ? button('unarchive', 'Unarchive') : button('archive', 'Archive')}
        <button disabled=${busy} onClick=${() => setAsking('cancel')}>Cancel…</button>
        <button disabled=${busy} onClick=${() => setAsking('delete')}>Delete…</button>`}
      <button class="mini" onClick=${onNone}>None</button>
    ${asking === 'tag' && html`<${TagDialog} count=${count} tags=${tags} onAct=${act} onClose=${() => setAsking('')} />`}
    ${asking === 'cancel' && html`<${Confirm} title=${`Cancel ${runs(count)}?`} text="Those that have ended stay as they are. A cancelled run does not go on; it can be retried from its start." verb="Cancel them" onConfirm=${() => act('cancel')} onClose=${() => setAsking('')} />`}
    ${asking === 'delete' && html`<${Confirm} title=${`Delete ${runs(count)}?`} text="Their points, pictures, logs and files go with them, and links to them stop working. Running and paused runs are kept. This cannot be undone." verb="Delete" onConfirm=${() => act('delete')} onClose=${() => setAsking('')} />`}
  </div>`;
}

/** @param {{count: number, tags: string[], onAct: (action: string, tag: string) => void, onClose: () => void}} props */
function TagDialog({ count, tags, onAct, onClose }) {
  const [tag, setTag] = useState('');
  const given = tag.trim();
  const act = (action) => {
    onClose();
    onAct(action, given);
  };
  return html`<${Dialog} title=${`Tag ${runs(count)}`} onClose=${onClose}>
    <form class="stack" onSubmit=${(event) => { event.preventDefault(); if (given) act('tag'); }}>
      <label class="stacked">Tag <input type="text" list="known-tags" maxlength="100" value=${tag} onInput=${(event) => setTag(event.currentTarget.value)} /></label>
      <datalist id="known-tags">${tags.map((known) => html`<option key=${known} value=${known}></option>`)}</datalist>
      <div class="actions"><button type="button" disabled=${given === ''} onClick=${() => act('untag')}>Take this tag away</button><button class="primary" disabled=${given === ''}>Add this tag</button></div>
    </form>
  <//>`;
}
