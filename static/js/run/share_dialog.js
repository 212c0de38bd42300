/** Sharing a run, a sweep or a comparison: until when, the link (copied at once), who can see what. */
import { post } from '../api.js';
import { copyText, CopyButton } from '../clipboard.js';
import { Dialog } from '../dialog.js';
import { html, useState } from '../html.js';
import { TermChoice, TERMS } from '../share/terms.js';
import { When } from '../when.js';

/** What a link shows of each. */
const SHOWN = { run: "this run's", sweep: "this sweep's table and its runs'", comparison: "this comparison and its runs'" };

/** @param {{what: 'run' | 'sweep' | 'comparison', target: {run_id: string} | {sweep_id: string} | {run_ids: string[]}, title: string, view?: string, onClose: () => void}} props `view` is how it is looked at, as a query */
export function ShareDialog({ what, target, title: initial, view = '', onClose }) {
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
      const url = view ? `${made.url}?${view}` : made.url;
      setShare({ ...made, url });
      setCopied(await copyText(url));
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
      <p class="quiet">${share.expires_at ? html`Ends <${When} time=${share.expires_at} />.` : 'Does not end by itself.'} Revoke it under <a href="/shares" onClick=${onClose}>Shares</a>.</p>
    <//>`;
  }
  return html`<${Dialog} title=${`Share this ${what}`} onClose=${onClose}>
    <form class="stack" onSubmit=${make}>
      <label class="stacked">Title <input type="text" value=${title} maxlength="200" onInput=${(event) => setTitle(event.currentTarget.value)} /></label>
      <${TermChoice} term=${term} onChange=${setTerm} />
      <p class="quiet">Whoever has the link sees ${SHOWN[what]} curves, pictures, claims, config, log and files, live and read-only. Nothing else of this lab, and no login is needed.</p>
      ${fault && html`<p class="fault">${fault}</p>`}
      <div class="actions"><button type="button" onClick=${onClose}>Cancel</button><button class="primary" disabled=${busy}>Make link and copy</button></div>
    </form>
  <//>`;
}
