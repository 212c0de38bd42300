/** Asks for a sweep again when its runs may have moved on. */
import { useEffect, useRef } from '../html.js';
import { followAllRuns, onNewsState } from '../live_runs.js';

/** Many changes are one question, and a large table is not asked for more often than it can be read. */
const GATHER_MS = 700;

/** Calls `reload` a moment after states of runs have changed, and when lost news come again. @param {boolean} wanted @param {() => void} reload */
export function useRunNews(wanted, reload) {
  const latest = useRef(reload);
  latest.current = reload;
  useEffect(() => {
    if (!wanted) return undefined;
    let timer = 0;
    const soon = () => {
      timer ||= setTimeout(() => {
        timer = 0;
        latest.current();
      }, GATHER_MS);
    };
    const stop = followAllRuns((event) => event.type === 'status' && soon());
    let lost = false;
    const stopState = onNewsState((connected) => {
      if (connected && lost) soon();
      lost = !connected;
    });
    return () => {
      clearTimeout(timer);
      stop();
      stopState();
    };
  }, [wanted]);
}
