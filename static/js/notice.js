/** Short messages at the lower edge: what was done, with a way back where there is one, or why it was not. */
import { html, useEffect, useRef, useState } from './html.js';
import { usePageKeys } from './keys.js';

/** @typedef {{text: string, fault: boolean, undo?: () => Promise<any>}} Notice */

/** How long a message stays: long enough to read it, or to think again. */
const SHOWN_MS = 4000;
const FAULT_MS = 8000;
const UNDO_MS = 10000;

/** @type {(notice: Notice | null) => void} */
let show = () => {};

/** @param {string} text what was done @param {() => Promise<any>} [undo] takes it back */
export const notify = (text, undo) => show({ text, fault: false, undo });
/** @param {unknown} error */
export const notifyError = (error) => show({ text: error instanceof Error ? error.message : String(error), fault: true });

export function Notices() {
  const [notice, setNotice] = useState(/** @type {Notice | null} */ (null));
  // Nothing goes away under the pointer or the focus.
  const [held, setHeld] = useState(false);
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  // What is on the screen, also for a key that arrives before the effects of its drawing have run.
  const shown = useRef(/** @type {Notice | null} */ (null));
  shown.current = notice;
  show = (next) => {
    setHeld(false);
    setNotice(next);
  };
  useEffect(() => {
    if (!notice || held) return undefined;
    const timer = setTimeout(() => setNotice(null), notice.fault ? FAULT_MS : notice.undo ? UNDO_MS : SHOWN_MS);
    return () => clearTimeout(timer);
  }, [notice, held]);
  const undo = () => {
    const back = shown.current?.undo;
    setNotice(null);
    if (back) back().then(() => notify('Taken back.'), notifyError);
  };
  usePageKeys((event) => event.key === 'u' && undo());
  const release = () => setHeld(box.current?.matches(':hover, :focus-within') ?? false);
  return html`<div class="notices" role="status" aria-live="polite" ref=${box} onMouseEnter=${() => setHeld(true)} onMouseLeave=${release} onFocusIn=${() => setHeld(true)} onFocusOut=${release}>
    ${notice && html`<p class=${notice.fault ? 'fault' : ''}>${notice.text}
      ${notice.undo && html`<button class="mini" onClick=${undo} title="Takes it back (u)">Undo</button>`}
      <button class="mini" onClick=${() => setNotice(null)}>Close</button></p>`}
  </div>`;
}
