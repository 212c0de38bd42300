/** The width of an element, followed, for drawings that are made to measure. */
import { useEffect, useRef, useState } from './html.js';

/** @returns {[{current: HTMLElement | null}, number]} a reference for the element, and its width in whole pixels; 0 until it is known */
export function useWidth() {
  const root = useRef(/** @type {HTMLElement | null} */ (null));
  const [width, setWidth] = useState(0);
  useEffect(() => {
    if (!root.current) return undefined;
    const resizer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry.contentRect.width)));
    resizer.observe(root.current);
    return () => resizer.disconnect();
  }, []);
  return [root, width];
}
