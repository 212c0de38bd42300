/** Copying, also on plain HTTP where the clipboard API is missing; and the button for it. */
import { html, useEffect, useState } from './html.js';

/** @param {string} text @returns {Promise<boolean>} whether it was copied */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement('textarea');
    area.value = text;
    area.className = 'offscreen';
    // Inside an open dialog only its own children can be selected.
    (document.querySelector('dialog[open]') ?? document.body).append(area);
    area.select();
    const copied = document.execCommand('copy');
    area.remove();
    return copied;
  }
}

/** @param {{text: string, label?: string}} props */
export function CopyButton({ text, label = 'Copy' }) {
  const [state, setState] = useState('');
  useEffect(() => {
    if (state === '') return undefined;
    const timer = setTimeout(() => setState(''), 1500);
    return () => clearTimeout(timer);
  }, [state]);
  const copy = async () => setState((await copyText(text)) ? 'Copied' : 'Select it and copy');
  return html`<button type="button" class="mini" aria-live="polite" onClick=${copy}>${state || label}</button>`;
}
