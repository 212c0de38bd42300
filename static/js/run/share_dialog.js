/** Sharing a run or a sweep: until when, the link (copied at once), who can see what. */
import { post } from '../api.js';
import { copyText, CopyButton } from '../clipboard.js';
import { Dialog } from '../dialog.js';
import { formatWhen } from '../format.js';
import { html, useState } from '../html.js';

/** @type {[string, number | null][]} */
const TERMS = [
  ['Never', null],
  ['In an hour', 3600],
  ['In a day', 86400],
  ['In a week', 7 * 86400],
  ['In 30 days', 30 * 86400],
];

/** @param {{what: 'run' | 'sweep', target: {run_id: string} | {sweep_id: string}, title: string, onClose: () => void}} props */
export function ShareDialog({ what, target, title: initial, onClose }) {
  const [title, setTitle] = useState(initial);
  const [term, setTerm] = useState(0);
  const [share, setShare] = useState(/** @type {any} */ (null));
  const [copied, setCopied] = useState(false);
  const [fault, setFault] = useState('');
  const [busy, setBusy] = useState(false);

  const make = async (event) => {
    event.preventDefault();
    setBusy(true);
    setFault('');
    try {
      const seconds = TERMS[term][1];
      const made = await post('/api/v1/shares', { ...target, title: title.trim() || undefined, ...(seconds ? { expires_in_seconds: seconds } : {}) });
      setShare(made);
      setCopied(await copyText(made.url));
    } catch (error) {
      setFault(error instanceof Error ? error.message : String(error));
    }
    setBusy(false);
  };

  if (share) {
    return html`<${Dialog} title="Shared" onClose=${onClose}>
      <p>${copied ? 'The link is in your clipboard.' : 'Copy the link now:'} It is shown only this once.</p>
      <div class="copy-line"><input type="text" readonly value=${share.url} aria-label="Link" onFocus=${(event) => event.currentTarget.select()} /><${CopyButton} text=${share.url} /></div>
      ${share.reachable === false &&
      html`<p class="callout"><b>Only this machine can open it.</b> Engram listens on its own address only. To let others in, start it with
        <code>--host 0.0.0.0 --public-url http://THIS-MACHINE:PORT</code> and share again.</p>`}
      <p class="quiet">${share.expires_at ? `Ends ${formatWhen(share.expires_at)}.` : 'Does not end by itself.'} Revoke it under <a href="/shares" onClick=${onClose}>Shares</a>.</p>
    <//>`;
  }
  return html`<${Dialog} title=${`Share this ${what}`} onClose=${onClose}>
    <form class="stack" onSubmit=${make}>
      <label class="stacked">Title <input type="text" value=${title} maxlength="200" onInput=${(event) => setTitle(event.currentTarget.value)} /></label>
      <label class="stacked">Ends <select onChange=${(event) => setTerm(Number(event.currentTarget.value))}>${TERMS.map(([name], i) => html`<option value=${i} selected=${i === term}>${name}</option>`)}</select></label>
      <p class="quiet">Whoever has the link sees ${what === 'run' ? "this run's" : "this sweep's table and its runs'"} curves, pictures, claims, config, log and files, live and read-only. Nothing else of this lab, and no login is needed.</p>
      ${fault && html`<p class="fault">${fault}</p>`}
      <div class="actions"><button type="button" onClick=${onClose}>Cancel</button><button class="primary" disabled=${busy}>Make link and copy</button></div>
    </form>
  <//>`;
}
