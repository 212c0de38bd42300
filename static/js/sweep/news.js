/** Asks for a sweep again when its runs may have moved on. */
import { useEffect, useRef } from '../html.js';
import { labRuns } from '../live_runs.js';

/** Many changes are one question, and a large table is not asked for more often than it can be read. */
const GATHER_MS = 700;

/**
 * Calls `reload` a moment after states of runs have changed, and when lost news come again.
 * @param {boolean} wanted @param {() => void} reload @param {import('../live_runs.js').ManyRuns} [news] of which runs
 */
export function useRunNews(wanted, reload, news = labRuns) {
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
    const stop = news.followAll((event) => event.type === 'status' && soon());
    let lost = false;
    const stopState = news.onState((connected) => {
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
