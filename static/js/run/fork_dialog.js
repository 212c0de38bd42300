/** Going on from a checkpoint of a run with some fields changed: the step, the fields that may change, and what it would take. */
import { getAll, newIdempotencyKey, post, Problem } from '../api.js';
import { CopyButton } from '../clipboard.js';
import { Dialog } from '../dialog.js';
import { useCheck } from '../form/check.js';
import { FormField } from '../form/fields.js';
import { ForecastTable } from '../form/forecast.js';
import { fieldsOf, sameValue } from '../form/schema.js';
import { formatBytes, formatValue, formatWhen } from '../format.js';
import { html, useEffect, useState } from '../html.js';
import { useLoad } from '../load.js';
import { navigate } from '../router.js';
import { forkLine } from './command.js';

/** @typedef {import('../types.js').CheckpointInfo} CheckpointInfo */

/** @param {{run: import('../types.js').Run, card: import('../types.js').Card, onClose: () => void}} props */
export function ForkDialog({ run, card, onClose }) {
  const base = `/api/v1/runs/${run.id}`;
  const { value, error } = useLoad((signal) => getAll(`${base}/checkpoints`, { signal }), [run.id]);
  if (error) return html`<${Dialog} title="Fork this run" onClose=${onClose}><p class="fault">${error.message}</p><//>`;
  if (!value) return html`<${Dialog} title="Fork this run" onClose=${onClose}><p class="quiet loading">Reading the checkpoints …</p><//>`;
  const usable = value.filter((/** @type {CheckpointInfo} */ one) => one.usable);
  return html`<${Dialog} title="Fork this run" onClose=${onClose} wide>
    ${usable.length > 0
      ? html`<${ForkForm} run=${run} card=${card} checkpoints=${usable} onClose=${onClose} />`
      : html`<p>${value.length > 0 ? `Its checkpoints were made by Engram ${value[0].engram_version}, and a fork goes on only on the version that wrote its checkpoint.` : 'This run has no checkpoint to go on from.'}
          ${value.length === 0 && html` <span class="quiet">The first one is made two seconds after a run starts, then one every 20 s; the server's <code>--keep-checkpoints</code> says how many stay.</span>`}</p>`}
  <//>`;
}

/** @param {{run: import('../types.js').Run, card: import('../types.js').Card, checkpoints: CheckpointInfo[], onClose: () => void}} props */
function ForkForm({ run, card, checkpoints, onClose }) {
  const base = `/api/v1/runs/${run.id}`;
  const fields = fieldsOf(card.config_schema, run.config).filter((field) => field.forkable);
  const [step, setStep] = useState(checkpoints[checkpoints.length - 1].step);
  const [config, setConfig] = useState(run.config);
  const [name, setName] = useState(run.name ?? '');
  const [busy, setBusy] = useState(false);
  const [refused, setRefused] = useState(/** @type {{text: string, faults: import('../types.js').Fault[]}} */ ({ text: '', faults: [] }));
  useEffect(() => setRefused({ text: '', faults: [] }), [step, config, name]);

  const changes = Object.fromEntries(fields.filter((field) => config[field.name] !== undefined && !sameValue(config[field.name], run.config[field.name])).map((field) => [field.name, config[field.name]]));
  const body = { step, ...(Object.keys(changes).length > 0 ? { config: changes } : {}), ...(name.trim() === (run.name ?? '') ? {} : { name: name.trim() }) };
  const { forecast, faults, trouble, asking } = useCheck(body, `${base}/fork/check`);
  const all = refused.faults.length > 0 ? refused.faults : faults;
  const faultsOf = (field) => all.filter(({ pointer }) => pointer === `/config/${field}` || pointer.startsWith(`/config/${field}/`)).map((fault) => fault.detail);
  const others = all.filter(({ pointer }) => !fields.some((field) => pointer === `/config/${field.name}` || pointer.startsWith(`/config/${field.name}/`)));
  const line = forkLine(run.id, body);

  const fork = async (event) => {
    event.preventDefault();
    setBusy(true);
    try {
      const made = await post(`${base}/fork`, body, { idempotencyKey: newIdempotencyKey() });
      onClose();
      navigate(`/runs/${made.id}`);
    } catch (problem) {
      setRefused({ text: problem instanceof Error ? problem.message : String(problem), faults: problem instanceof Problem ? problem.errors : [] });
      setBusy(false);
    }
  };
  return html`<form class="stack fork-form" onSubmit=${fork}>
    <p class="quiet">A new run that goes on from a checkpoint of this one, with the same seed. What is fixed follows from the checkpoint.</p>
    <label class="stacked">From step
      <select onChange=${(event) => setStep(Number(event.currentTarget.value))}>
        ${checkpoints.map((one) => html`<option key=${one.step} value=${one.step} selected=${one.step === step}>${formatValue(one.step)} · ${formatBytes(one.bytes)} · ${formatWhen(one.time)}</option>`)}
      </select></label>
    ${fields.length > 0
      ? html`<fieldset><legend>From there on</legend><div class="fields">${fields.map((field) => html`<${FormField}
          key=${field.name} field=${field} value=${config[field.name]} base=${run.config[field.name]} changed=${field.name in changes} faults=${faultsOf(field.name)}
          onChange=${(value) => setConfig({ ...config, [field.name]: value })} onReset=${() => setConfig({ ...config, [field.name]: run.config[field.name] })} />`)}</div></fieldset>`
      : html`<p>Every field of this experiment is fixed: the fork repeats the rest of the run.</p>`}
    <label class="stacked">Name <input type="text" value=${name} maxlength="200" autocomplete="off" onInput=${(event) => setName(event.currentTarget.value)} /></label>
    <section class=${asking ? 'forecast is-asking' : 'forecast'} aria-live="polite"><h3>What is left to do</h3><${ForecastTable} forecast=${forecast} runs=${1} /></section>
    ${others.map((fault) => html`<p class="fault" key=${fault.pointer}>${fault.pointer.replace(/^\/(config\/)?/, '')} ${fault.detail}</p>`)}
    ${(trouble || (refused.text && refused.faults.length === 0)) && html`<p class="fault" role="alert">${refused.text || trouble}</p>`}
    <div class="field-head"><span class="quiet">The same in a terminal</span><${CopyButton} text=${line} /></div>
    <pre class="command" tabindex="0">${line}</pre>
    <div class="actions"><button type="button" onClick=${onClose}>Cancel</button><button class="primary" disabled=${busy || all.length > 0}>${busy ? 'Queueing …' : 'Fork'}</button></div>
  </form>`;
}
