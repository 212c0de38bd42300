/** The lab's live counts: workers and runs, told by the server when they change and asked for when news of runs say that they have. */
import { get } from './api.js';
import { useEffect, useState } from './html.js';
import { labRuns } from './live_runs.js';
import { useInterval } from './load.js';

/** Several changes at once are one question. */
const GATHER_MS = 400;
/** How often the counts are asked for while no news arrive. */
const ASK_AGAIN_MS = 15000;

/** @returns {import('./types.js').Status | null} */
export function useStatus() {
  const [status, setStatus] = useState(/** @type {import('./types.js').Status | null} */ (null));
  const [told, setTold] = useState(true);
  const ask = () => get('/api/v1/status').then(setStatus, () => {});
  useEffect(() => {
    ask();
    let timer = 0;
    const stopRuns = labRuns.followAll((event) => {
      if (event.type !== 'status') return;
      clearTimeout(timer);
      timer = setTimeout(ask, GATHER_MS);
    });
    const stops = [stopRuns, labRuns.onLab(setStatus), labRuns.onState(setTold)];
    return () => {
      clearTimeout(timer);
      stops.forEach((stop) => stop());
    };
  }, []);
  useInterval(() => !told && ask(), ASK_AGAIN_MS);
  return status;
}
