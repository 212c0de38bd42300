/** The lab's live counts: workers and runs, asked for when something has changed. */
import { get } from './api.js';
import { useEffect, useState } from './html.js';
import { followAllRuns } from './live_runs.js';
import { useInterval } from './load.js';

/** Several changes at once are one question. */
const GATHER_MS = 400;
const ASK_AGAIN_MS = 15000;

/** @returns {import('./types.js').Status | null} */
export function useStatus() {
  const [status, setStatus] = useState(/** @type {import('./types.js').Status | null} */ (null));
  const ask = () => get('/api/v1/status').then(setStatus, () => {});
  useEffect(() => {
    ask();
    let timer = 0;
    const stop = followAllRuns((event) => {
      if (event.type !== 'status') return;
      clearTimeout(timer);
      timer = setTimeout(ask, GATHER_MS);
    });
    return () => {
      clearTimeout(timer);
      stop();
    };
  }, []);
  useInterval(ask, ASK_AGAIN_MS);
  return status;
}
