/** Dialogs: modal, closed by Esc, a click beside them or their button; focus returns to where it was. */
import { html, useLayoutEffect, useRef } from './html.js';

/** @param {{title: string, onClose: () => void, children?: any, wide?: boolean}} props */
export function Dialog({ title, onClose, children, wide = false }) {
  const root = useRef(/** @type {HTMLDialogElement | null} */ (null));
  // Before anybody sees it, so that nothing in it can be pressed while it is not open yet.
  useLayoutEffect(() => {
    const before = document.activeElement;
    root.current?.showModal();
    return () => {
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return html`<dialog ref=${root} class=${wide ? 'wide' : ''} aria-label=${title}
    onClose=${onClose} onClick=${(event) => event.target === event.currentTarget && onClose()}>
    <div class="dialog-body">
      <header><h2>${title}</h2><button type="button" class="mini" onClick=${onClose}>Close</button></header>
      ${children}
    </div>
  </dialog>`;
}

/**
 * Asks before something that cannot be undone.
 * @param {{title: string, text: string, verb: string, onConfirm: () => void, onClose: () => void}} props
 */
export function Confirm({ title, text, verb, onConfirm, onClose }) {
  return html`<${Dialog} title=${title} onClose=${onClose}>
    <p>${text}</p>
    <div class="actions">
      <button type="button" onClick=${onClose}>Keep</button>
      <button type="button" class="primary" onClick=${() => { onClose(); onConfirm(); }}>${verb}</button>
    </div>
  <//>`;
}
