/** Whether the news arrive: since when they do not, and what to do once they do again. */
import { useEffect, useState } from './html.js';
import { labRuns } from './live_runs.js';

/**
 * @param {import('./live_runs.js').ManyRuns} [news] @returns {Date | null} since when no news come; `null` while they do, and before the first
 *   have come
 */
export function useLostSince(news = labRuns) {
  const [since, setSince] = useState(/** @type {Date | null} */ (null));
  useEffect(() => {
    let seen = false;
    return news.onState((connected) => {
      setSince(seen && !connected ? new Date() : null);
      seen ||= connected;
    });
  }, []);
  return since;
}

/** Calls `again` when news that were lost come again: what happened meanwhile is only in the answers. @param {() => void} again */
export function useNewsBack(again) {
  useEffect(() => {
    let seen = false;
    let lost = false;
    return labRuns.onState((connected) => {
      if (connected && lost) again();
      lost = seen && !connected;
      seen ||= connected;
    });
  }, []);
}
