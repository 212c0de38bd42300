/** The lab's live counts of workers and runs, and since when they are old. */
import { useEffect, useState } from './html.js';
import { followLab, onNewsState } from './live_runs.js';

/** @returns {import('./types.js').LabCounts | null} `null` until they are known */
export function useLabCounts() {
  const [counts, setCounts] = useState(/** @type {import('./types.js').LabCounts | null} */ (null));
  useEffect(() => followLab(setCounts), []);
  return counts;
}

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
