/** A box that scrolls sideways where its table is too wide, with the keyboard too then. */
import { html, useEffect, useRef, useState } from './html.js';

/** @param {{children?: any}} props a table */
export function Scroll({ children }) {
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const [isWide, setIsWide] = useState(false);
  useEffect(() => {
    const { current } = box;
    if (!current) return undefined;
    const observer = new ResizeObserver(() => setIsWide(current.scrollWidth > current.clientWidth));
    [current, ...current.children].forEach((element) => observer.observe(element));
    return () => observer.disconnect();
  }, []);
  return html`<div class="scroll" ref=${box} tabindex=${isWide ? 0 : undefined}>${children}</div>`;
}
