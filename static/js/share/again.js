/** Running a shared run again, by whoever has the right here, and whether it gave the same. */
import { newIdempotencyKey, post } from '../api.js';
import { CopyButton } from '../clipboard.js';
import { html, useState } from '../html.js';
import { localLine } from '../run/command.js';
import { SamenessVerdict } from '../run/sameness.js';

/**
 * Who is looking, if they have a login here. Asked for when somebody wants to run something: the page itself asks for nothing but the share.
 * @returns {Promise<import('../types.js').Me | null>}
 */
const askWho = () =>
  fetch('/api/v1/me', { headers: { accept: 'application/json' }, credentials: 'same-origin' }).then((response) => (response.ok ? response.json() : null), () => null);

/** @param {{run: import('../types.js').Run}} props */
export function RunAgain({ run }) {
  const [made, setMade] = useState(/** @type {import('../types.js').Run | null} */ (null));
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState('');
  const again = async () => {
    setBusy(true);
    setFault('');
    const me = await askWho();
    if (me?.role !== 'admin' && me?.role !== 'member') {
      setFault(me ? `Your role here is ${me.role}; runs are made by members. In a lab of your own the line below does the same.` : 'That needs a login to this lab. In a lab of your own the line below does the same.');
      setBusy(false);
      return;
    }
    try {
      setMade(await post(`/api/v1/runs/${run.id}/clone`, {}, { idempotencyKey: newIdempotencyKey() }));
    } catch (error) {
      setFault(error instanceof Error ? error.message : String(error));
    }
    setBusy(false);
  };
  const line = localLine({ experiment: run.experiment, preset: run.preset, config: run.config, seed: run.seed });
  return html`<section class="again" aria-label="Run this again">
    <h2>Run this again</h2>
    ${made
      ? html`<p><a href=${`/runs/${made.id}`}>The new run</a> has the same config and seed.</p><${SamenessVerdict} id=${made.id} withId=${run.id} />`
      : html`<p class="actions"><button type="button" disabled=${busy} onClick=${again}>${busy ? 'Queueing …' : 'Run this again'}</button>
          <span class="quiet">the same config and seed; every point is then compared with this run's</span></p>`}
    ${fault && html`<p class="fault" role="alert">${fault}</p>`}
    ${!made && html`<div class="copy-line"><pre class="command" tabindex="0">${line}</pre><${CopyButton} text=${line} /></div>`}
  </section>`;
}
