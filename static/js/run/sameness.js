/** Whether a run gave the same points as the one it repeats: identical, or the first step at which they part. */
import { get } from '../api.js';
import { formatExact, shortId } from '../format.js';
import { html, useEffect, useState } from '../html.js';

/** How often an unfinished repeat is asked for. */
const ASK_AGAIN_MS = 1500;

/**
 * @typedef {{verdict: 'identical' | 'different' | 'unfinished', with: string, same_recipe: boolean, same_version: boolean, with_status: string,
 *   series: number, points: number, difference: {step: number | null, name: string, arm: string | null, value: any, other_value: any} | null}} Sameness
 */

/** @param {any} value */
const shown = (value) => (value === null ? 'nothing' : formatExact(value));

/** @param {Sameness} sameness @returns {string} */
export function samenessText({ verdict, points, series, difference }) {
  if (verdict === 'unfinished') return 'is compared point by point once both have ended';
  if (verdict === 'identical') return `identical: ${points} points in ${series} series have the same bits`;
  if (!difference) return 'different';
  const what = `${difference.name}${difference.arm ? ` of ${difference.arm}` : ''}`;
  const where = difference.step === null ? 'only a number of the summary differs' : `the first differing step is ${difference.step}`;
  return `different: ${where}, ${what} ${shown(difference.value)} here, ${shown(difference.other_value)} there`;
}

/**
 * Asks until both runs have ended.
 * @param {{id: string, withId: string, status?: string}} props `status` of the run where it is known: when it changes, it is asked again at once
 */
export function SamenessVerdict({ id, withId, status }) {
  const [sameness, setSameness] = useState(/** @type {Sameness | null} */ (null));
  const [fault, setFault] = useState('');
  useEffect(() => {
    let timer = 0;
    let over = false;
    const ask = async () => {
      try {
        const answer = /** @type {Sameness} */ (await get(`/api/v1/runs/${id}/sameness?with=${withId}`));
        if (over) return;
        setSameness(answer);
        // With a known state the page is told when the run has ended, so that it need not ask.
        if (answer.verdict === 'unfinished' && status === undefined) timer = setTimeout(ask, ASK_AGAIN_MS);
      } catch (error) {
        if (!over) setFault(error instanceof Error ? error.message : String(error));
      }
    };
    ask();
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [id, withId, status]);
  const isParent = status !== undefined;
  // A clone that was changed, or whose original is gone or came to no end, repeats nothing.
  if (isParent && (fault || !sameness?.same_recipe || sameness.with_status !== 'succeeded')) return null;
  if (fault) return html`<p class="fault">${fault}</p>`;
  if (!sameness) return html`<p class="quiet">Comparing …</p>`;
  const { verdict } = sameness;
  return html`<p class="sameness" data-verdict=${verdict} role="status">
    <span aria-hidden="true">${{ identical: '=', different: '≠', unfinished: '…' }[verdict]} </span>${isParent && html`<a href=${`/runs/${withId}`}>run ${shortId(withId)}</a> repeated: `}${samenessText(sameness)}.
    ${verdict === 'different' && !sameness.same_version && ' Another version of Engram ran it.'}
  </p>`;
}
