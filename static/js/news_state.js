/** Whether the news of the lab arrive: since when they do not, and what to do once they do again. */
import { useEffect, useState } from './html.js';
import { onNewsState } from './live_runs.js';

/** @returns {Date | null} since when no news come; `null` while they do, and before the first have come */
export function useLostSince() {
  const [since, setSince] = useState(/** @type {Date | null} */ (null));
  useEffect(() => {
    let seen = false;
    return onNewsState((connected) => {
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
    return onNewsState((connected) => {
      if (connected && lost) again();
      lost = seen && !connected;
      seen ||= connected;
    });
  }, []);
}
