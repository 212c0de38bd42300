/** Running a shared run again, by whoever has the right here, and whether it gave the same. */
import { newIdempotencyKey, post } from '../api.js';
import { CopyButton } from '../clipboard.js';
import { html, useEffect, useState } from '../html.js';
import { terminalLine } from '../run/command.js';
import { SamenessVerdict } from '../run/sameness.js';

/** Who is looking, if they have a login here; a share itself asks for none. @returns {Promise<import('../types.js').Me | null>} */
const askWho = () =>
  fetch('/api/v1/me', { headers: { accept: 'application/json' }, credentials: 'same-origin' }).then((response) => (response.ok ? response.json() : null), () => null);

/** @param {{run: import('../types.js').Run}} props */
export function RunAgain({ run }) {
  const [may, setMay] = useState(false);
  const [made, setMade] = useState(/** @type {import('../types.js').Run | null} */ (null));
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState('');
  useEffect(() => {
    askWho().then((me) => setMay(me !== null && (me.role === 'admin' || me.role === 'member')));
  }, []);
  const again = async () => {
    setBusy(true);
    setFault('');
    try {
      setMade(await post(`/api/v1/runs/${run.id}/clone`, {}, { idempotencyKey: newIdempotencyKey() }));
    } catch (error) {
      setFault(error instanceof Error ? error.message : String(error));
    }
    setBusy(false);
  };
  const line = terminalLine({ experiment: run.experiment, preset: run.preset, config: run.config, seed: run.seed });
  return html`<section class="again" aria-label="Run this again">
    <h2>Run this again</h2>
    ${made
      ? html`<p><a href=${`/runs/${made.id}`}>The new run</a> has the same config and seed.</p><${SamenessVerdict} id=${made.id} withId=${run.id} />`
      : may
        ? html`<p class="actions"><button type="button" class="primary" disabled=${busy} onClick=${again}>${busy ? 'Queueing …' : 'Run this again'}</button>
            <span class="quiet">the same config and seed; every point is then compared with this run's</span></p>`
        : html`<p class="quiet">In a lab of your own, the same config and seed:</p>`}
    ${!made && html`<div class="copy-line"><pre class="command" tabindex="0">${line}</pre><${CopyButton} text=${line} /></div>`}
    ${fault && html`<p class="fault" role="alert">${fault}</p>`}
  </section>`;
}
