/** The lab itself: who computes, which data are here, which version this is. */
import { get, getAll, post } from '../api.js';
import { CopyButton } from '../clipboard.js';
import { formatBytes, shortId } from '../format.js';
import { html, useEffect } from '../html.js';
import { labRuns } from '../live_runs.js';
import { useInterval, useLoad, useTitle } from '../load.js';
import { useNewsBack } from '../news_state.js';
import { notifyError } from '../notice.js';
import { ProgressBar } from '../run/status_face.js';
import { Scroll } from '../scroll.js';
import { useCanWrite } from '../session.js';
import { useRunNews } from '../sweep/news.js';
import { Age } from '../when.js';

/** How often the list of data sets is asked for while one is being fetched. */
const ASK_AGAIN_MS = 1000;

/** @param {number} count */
const grouped = (count) => count.toLocaleString('en');

/** @param {import('../types.js').DatasetForm} form @returns {string} what a data set holds, in words */
function sizes(form) {
  switch (form.kind) {
    case 'images':
      return `${grouped(form.train + form.test)} images, ${form.height}×${form.width}${form.channels === 1 ? '' : `×${form.channels}`}, ${form.classes} classes`;
    case 'bags':
      return `${grouped(form.bags)} bags, ${grouped(form.instances)} instances, ${grouped(form.features)} features`;
    case 'table':
      return `${grouped(form.rows)} rows, ${grouped(form.features)} features, ${form.classes} classes`;
    case 'tables':
      return `${form.tables} tables`;
  }
}

export function LabPage() {
  useTitle('Lab');
  const canWrite = useCanWrite();
  const status = useLoad((signal) => get('/api/v1/status', { signal }), []);
  const workers = useLoad((signal) => getAll('/api/v1/workers', { signal }), []);
  const datasets = useLoad((signal) => getAll('/api/v1/datasets', { signal }), []);
  const fetching = (datasets.value ?? []).some((dataset) => dataset.state === 'fetching');
  useEffect(
    () =>
      labRuns.onLab((now) => {
        status.set(now);
        workers.reload();
      }),
    [],
  );
  useNewsBack(() => [status, workers, datasets].forEach((list) => list.reload()));
  // A run that fetches its data says so with its state.
  useRunNews(true, datasets.reload);
  useInterval(() => fetching && datasets.reload(), ASK_AGAIN_MS);
  const fetchData = (id) => post(`/api/v1/datasets/${id}/fetch`).then(datasets.reload, notifyError);
  const about = /** @type {import('../types.js').Status | null} */ (status.value);
  const join = `engram worker --server ${about?.public_url ?? location.origin} --token TOKEN`;

  // Together, since each would move those below it.
  const isRead = [status, workers, datasets].every(({ value, error }) => value !== null || error !== null);
  const lists = () => html`${status.error && html`<p class="fault">${status.error.message}</p>`}
    ${about &&
    html`<table class="data keys facts"><tbody>
      <tr><th scope="row">Version</th><td class="number">${about.version}</td></tr>
      <tr><th scope="row">Address in links</th><td>${about.public_url ?? location.origin}${about.reachable ? '' : html` <span class="quiet">only this machine can open it; start with <code>--host 0.0.0.0 --public-url URL</code> to let others in</span>`}</td></tr>
      <tr><th scope="row">Workers</th><td class="number">${about.workers.online} online, ${about.workers.busy} busy</td></tr>
      <tr><th scope="row">Runs</th><td class="number">${about.runs.running} running, ${about.runs.queued} queued</td></tr>
      <tr><th scope="row">For programs</th><td><a href="/api/docs">API reference</a> · <a href="/api/v1/openapi.json">OpenAPI document</a></td></tr>
    </tbody></table>`}

    <h2>Workers</h2>
    ${workers.error && html`<p class="fault">${workers.error.message}</p>`}
    ${workers.value && workers.value.length === 0 && html`<p class="quiet">No worker has introduced itself. Without one, runs wait in the queue.</p>`}
    ${workers.value &&
    workers.value.length > 0 &&
    html`<${Scroll}><table class="data">
      <thead><tr><th scope="col">Name</th><th scope="col">State</th><th scope="col" class="from-tablet">Host</th><th scope="col">Devices</th><th scope="col">Run</th><th scope="col" class="number from-tablet">Version</th><th scope="col" class="number">Last seen</th></tr></thead>
      <tbody>${workers.value.map((worker) => html`<tr key=${worker.id}>
        <td>${worker.name}</td>
        <td><span class=${worker.state === 'busy' ? 'alive' : worker.state === 'lost' ? 'fault' : ''}>${worker.state}</span></td>
        <td class="from-tablet">${worker.host}</td><td>${(worker.devices ?? []).join(', ')}</td>
        <td>${worker.run_id && html`<a href=${`/runs/${worker.run_id}`}>${shortId(worker.run_id)}</a>`}</td>
        <td class="number from-tablet">${worker.version}</td>
        <td class="number quiet">${worker.state === 'lost' ? html`<${Age} time=${worker.last_seen_at} />` : 'now'}</td>
      </tr>`)}</tbody>
    </table><//>`}
    <p class="note">Another machine joins with this line:</p>
    <div class="copy-line"><code>${join}</code><${CopyButton} text=${join} /></div>

    <h2>Data</h2>
    ${datasets.error && html`<p class="fault">${datasets.error.message}</p>`}
    ${datasets.value &&
    html`<${Scroll}><table class="data">
      <thead><tr><th scope="col">Data set</th><th scope="col">State</th><th scope="col" class="from-tablet">Holds</th><th scope="col" class="number">Size</th><th scope="col" class="from-tablet">Licence</th><th scope="col" class="from-tablet">Source</th><td></td></tr></thead>
      <tbody>${datasets.value.map((/** @type {import('../types.js').Dataset} */ dataset) => html`<tr key=${dataset.id}>
        <td>${dataset.title} <span class="quiet">${dataset.id}</span></td>
        <td>${dataset.state === 'fetching' ? html`<${ProgressBar} percent=${(dataset.fetched ?? 0) * 100} label=${`Fetching ${dataset.title}`} /> fetching` : html`<span class=${dataset.state === 'corrupt' ? 'fault' : dataset.state === 'absent' ? 'quiet' : ''}>${dataset.state}</span>`}${dataset.error && dataset.state !== 'fetching' && html`<br /><span class="fault">${dataset.error}</span>`}</td>
        <td class="from-tablet">${sizes(dataset.form)}</td>
        <td class="number">${dataset.bytes > 0 ? formatBytes(dataset.bytes) : '–'}</td>
        <td class="from-tablet">${dataset.licence}</td>
        <td class="source from-tablet">${/^https?:/.test(dataset.source ?? '') ? html`<a href=${dataset.source} rel="noreferrer">${new URL(dataset.source ?? '').host}</a>` : dataset.source}</td>
        <td class="row-actions">${canWrite && dataset.fetchable && (dataset.state === 'absent' || dataset.state === 'corrupt') && html`<button class="mini" onClick=${() => fetchData(dataset.id)}>${dataset.state === 'corrupt' ? 'Fetch again' : 'Fetch'}</button>`}${!dataset.fetchable && dataset.state === 'absent' && html`<span class="quiet" title="No copy of it has a published checksum">import it</span>`}</td>
      </tr>`)}</tbody>
    </table><//>
    <p class="note">Absent data are fetched by the first run that needs them; fetching here only does it earlier. Files of your own come in with <code>engram data import ID PATH</code>.</p>`}`;
  return html`<main class="page lab-page">
    <div class="page-head"><h1>Lab</h1></div>
    ${isRead ? lists() : html`<p class="quiet loading">Reading what is here …</p>`}
  </main>`;
}
