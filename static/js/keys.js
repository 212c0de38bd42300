/** The keyboard: what each key does everywhere, and the dialog that says so. */
import { Dialog } from './dialog.js';
import { html, useEffect } from './html.js';
import { navigate } from './router.js';

/** @type {[string, string][]} */
const KEYS = [
  ['?', 'this list'],
  ['g e', 'experiments'],
  ['g r', 'runs'],
  ['g c', 'compare'],
  ['g s', 'shares'],
  ['g l', 'lab'],
  ['/', 'filter or search'],
  ['j, k', 'next, previous row of a list'],
  ['Enter', 'open the row'],
  ['x', 'select the row'],
  ['c', 'compare what is selected'],
  ['s', 'share the run or the comparison'],
  ['u', 'undo what the last message says'],
  ['space', 'play the run'],
  ['← →', 'on the slider: previous, next picture'],
  ['Esc', 'close a dialog'],
];
const GO = { e: '/experiments', r: '/runs', c: '/compare', s: '/shares', l: '/lab' };
/** After `g` the second key may take this long. */
const SECOND_KEY_MS = 1200;

/** @param {EventTarget | null} target */
const isTyping = (target) => target instanceof Element && target.closest('input:not([type=range]):not([type=checkbox]), textarea, select') !== null;

/** Whether a key is meant for the page and not for a field or a dialog. @param {KeyboardEvent} event */
export function isPageKey(event) {
  return !event.ctrlKey && !event.metaKey && !event.altKey && !isTyping(event.target) && !document.querySelector('dialog[open]');
}

/** Calls `act` on a key of the page. @param {(event: KeyboardEvent) => void} act */
export function usePageKeys(act) {
  useEffect(() => {
    const onKey = (event) => isPageKey(event) && act(event);
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  });
}

/** @param {{onHelp: () => void}} props */
export function useGlobalKeys({ onHelp }) {
  useEffect(() => {
    let goUntil = 0;
    const onKey = (event) => {
      if (!isPageKey(event)) return;
      if (event.key === 'g') {
        goUntil = performance.now() + SECOND_KEY_MS;
        return;
      }
      if (performance.now() < goUntil && event.key in GO) {
        goUntil = 0;
        event.stopImmediatePropagation();
        navigate(GO[event.key]);
        return;
      }
      if (event.key === '?') onHelp();
      if (event.key === '/') {
        const search = document.querySelector('input[type=search]');
        if (search instanceof HTMLInputElement) {
          event.preventDefault();
          search.focus();
          search.select();
        }
      }
    };
    // Before the keys of a page, so that "g s" does not share.
    addEventListener('keydown', onKey, true);
    return () => removeEventListener('keydown', onKey, true);
  }, []);
}

/** @param {{onClose: () => void}} props */
export function KeysDialog({ onClose }) {
  return html`<${Dialog} title="Keys" onClose=${onClose}>
    <dl class="keys-list">${KEYS.map(([key, what]) => html`<dt><kbd>${key}</kbd></dt><dd>${what}</dd>`)}</dl>
  <//>`;
}
