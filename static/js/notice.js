/** Short messages at the lower edge: what was done, or why it was not. */
import { html, useEffect, useState } from './html.js';

/** @type {(notice: {text: string, fault: boolean} | null) => void} */
let show = () => {};

/** @param {string} text */
export const notify = (text) => show({ text, fault: false });
/** @param {unknown} error */
export const notifyError = (error) => show({ text: error instanceof Error ? error.message : String(error), fault: true });

export function Notices() {
  const [notice, setNotice] = useState(/** @type {{text: string, fault: boolean} | null} */ (null));
  show = setNotice;
  useEffect(() => {
    if (!notice) return undefined;
    const timer = setTimeout(() => setNotice(null), notice.fault ? 8000 : 3000);
    return () => clearTimeout(timer);
  }, [notice]);
  return html`<div class="notices" role="status" aria-live="polite">
    ${notice && html`<p class=${notice.fault ? 'fault' : ''}>${notice.text} <button class="mini" onClick=${() => setNotice(null)}>Close</button></p>`}
  </div>`;
}
