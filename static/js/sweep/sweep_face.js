/** How far a sweep is: its runs by state, and the part of them that has ended. */
import { html } from '../html.js';
import { ProgressBar, StatusWord } from '../run/status_face.js';

/** @type {import('../types.js').RunStatus[]} */
const STATES = ['running', 'queued', 'paused', 'succeeded', 'failed', 'cancelled'];

/** Whether some of its runs have not ended. @param {{status: import('../types.js').StateCounts}} sweep */
export const isGoingOn = ({ status }) => status.running + status.queued + status.paused > 0;

/** @param {{counts: import('../types.js').StateCounts}} props */
export function StateCounts({ counts }) {
  return html`<span class="state-counts">${STATES.filter((state) => counts[state] > 0).map((state) => html`<span key=${state} class="state-count number"><${StatusWord} run=${{ status: state, attempt: 0 }} /> ${counts[state]}</span>`)}</span>`;
}

/** @param {{sweep: import('../types.js').Sweep}} props */
export function SweepFace({ sweep }) {
  const { succeeded, failed, cancelled, running } = sweep.status;
  const ended = succeeded + failed + cancelled;
  const percent = sweep.run_count > 0 ? (100 * ended) / sweep.run_count : 0;
  return html`<div class="status-face">
    <${ProgressBar} percent=${percent} busy=${running > 0} label="Runs that have ended" />
    <span class="number">${ended} of ${sweep.run_count} ended</span>
    <${StateCounts} counts=${sweep.status} />
  </div>`;
}
