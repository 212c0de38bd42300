/** Asks the server, a moment after the last key, what a run or a sweep would do: faults, time, memory, data, estimates. */
import { post, Problem } from '../api.js';
import { useEffect, useState } from '../html.js';

const WAIT_MS = 250;

/** @typedef {{config: Record<string, any>, seconds: number, memory_bytes: number, datasets: {id: string, state: string, bytes: number, fetchable: boolean}[],
 *   estimates: Record<string, number>}} Forecast */

/**
 * @param {any} body of the run to be made; `null` to ask nothing @param {string} [path] where to ask, for a sweep its own check
 * @returns {{forecast: Forecast | null, faults: import('../types.js').Fault[], trouble: string, asking: boolean}}
 *   the last forecast stays while a new one is asked for, so that nothing jumps
 */
export function useCheck(body, path = '/api/v1/runs/check') {
  const [answer, setAnswer] = useState({
    forecast: /** @type {Forecast | null} */ (null),
    faults: /** @type {import('../types.js').Fault[]} */ ([]),
    trouble: '',
  });
  const [asking, setAsking] = useState(false);
  const text = body === null ? '' : JSON.stringify(body);
  useEffect(() => {
    if (text === '') return undefined;
    const abort = new AbortController();
    const timer = setTimeout(async () => {
      setAsking(true);
      try {
        const forecast = await post(path, JSON.parse(text), { signal: abort.signal });
        setAnswer({ forecast, faults: [], trouble: '' });
      } catch (error) {
        if (abort.signal.aborted) return;
        const faults = error instanceof Problem ? error.errors : [];
        setAnswer((old) => ({ forecast: old.forecast, faults, trouble: faults.length > 0 ? '' : String(error instanceof Error ? error.message : error) }));
      }
      setAsking(false);
    }, WAIT_MS);
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [text]);
  return { ...answer, asking };
}
