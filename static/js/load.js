/** Loading something for a component: the value, the error, and a way to ask again. */
import { useCallback, useEffect, useRef, useState } from './html.js';

/**
 * @template T
 * @param {(signal: AbortSignal) => Promise<T>} load @param {readonly any[]} inputs asks again when one of them changes, and forgets the old value
 * @param {any} [version] asks again when it changes, too
 * @returns {{value: T | null, error: Error | null, reload: () => void, set: (value: T) => void}}
 *   while asking again the old value stays, so that nothing jumps
 */
export function useLoad(load, inputs, version) {
  const [state, setState] = useState(/** @type {{value: T | null, error: Error | null}} */ ({ value: null, error: null }));
  const [round, setRound] = useState(0);
  const last = useRef(/** @type {readonly any[] | null} */ (null));
  useEffect(() => {
    const abort = new AbortController();
    if (last.current !== null && inputs.some((input, index) => input !== last.current?.[index])) setState({ value: null, error: null });
    last.current = inputs;
    load(abort.signal).then(
      (value) => !abort.signal.aborted && setState({ value, error: null }),
      (error) => !abort.signal.aborted && setState((old) => ({ value: old.value, error })),
    );
    return () => abort.abort();
  }, [...inputs, round, version]);
  const reload = useCallback(() => setRound((n) => n + 1), []);
  const set = useCallback((value) => setState({ value, error: null }), []);
  return { ...state, reload, set };
}

/** The title of the browser's tab. @param {string | null | undefined} title */
export function useTitle(title) {
  useEffect(() => {
    if (title) document.title = title === 'Engram' ? title : `${title} · Engram`;
  }, [title]);
}

/** Calls `tick` every `ms` while the page is visible. @param {() => void} tick @param {number} ms */
export function useInterval(tick, ms) {
  const latest = useRef(tick);
  latest.current = tick;
  useEffect(() => {
    const timer = setInterval(() => document.visibilityState === 'visible' && latest.current(), ms);
    return () => clearInterval(timer);
  }, [ms]);
}
