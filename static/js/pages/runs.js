/** The list of all runs, live. */
import { call, get, getCatalogue, post } from '../api.js';
import { formatAge, formatDuration, formatExact, formatSigned, formatValue, formatWhen, shortId } from '../format.js';
import { html, useEffect, useRef, useState } from '../html.js';
import { usePageKeys } from '../keys.js';
import { followAllRuns, onNewsState } from '../live_runs.js';
import { useInterval, useLoad, useTitle } from '../load.js';
import { notify, notifyError } from '../notice.js';
import { navigate, useQuery } from '../router.js';
import { splitSummary } from '../run/results.js';
import { TERMINAL } from '../run/run_data.js';
import { isPreparing, ProgressBar, StatusWord } from '../run/status_face.js';
import { Scroll } from '../scroll.js';
import { useCanWrite } from '../session.js';

const PAGE = 50;
const STATES = ['queued', 'running', 'paused', 'succeeded', 'failed', 'cancelled'];

/**
 * The two numbers that tell most: those the claims are judged by, else metrics with a better side.
 * @param {import('../types.js').Run} run @param {import('../types.js').Card | undefined} card
 */
function mainNumbers(run, card) {
  const names = Object.keys(run.summary ?? {});
  const measured = (card?.claims ?? []).map((claim) => claim.measure).filter((name) => names.includes(name));
  const better = names.filter((name) => card?.metrics.some((metric) => metric.better !== null && metric.name === splitSummary(name).metric));
  return [...new Set([...measured, ...better, ...names])].slice(0, 2);
}

/** @param {{name: string, run: import('../types.js').Run}} props */
function MainNumber({ name, run }) {
  const { metric, arm, other } = splitSummary(name);
  const show = other ? formatSigned : formatValue;
  const label = [metric, arm && `${arm}${other ? ` − ${other}` : ''}`].filter(Boolean).join(' ');
  return html`<span class="main-number" title=${`${name} = ${formatExact(run.summary[name])}`}><b class="number">${show(run.summary[name], metric)}</b> <span class="quiet">${label}</span></span>`;
}

/** Runs that match the filters, page by page, and kept up to date. @param {Record<string, string>} filter */
function useRuns(filter) {
  const [runs, setRuns] = useState(/** @type {import('../types.js').Run[] | null} */ (null));
  const [cursor, setCursor] = useState(/** @type {string | null} */ (null));
  const [error, setError] = useState('');
  const key = JSON.stringify(filter);
  const query = new URLSearchParams(Object.entries(filter).filter(([, value]) => value !== '')).toString();
  const path = `/api/v1/runs?${query ? `${query}&` : ''}limit=${PAGE}`;
  const latest = useRef(key);
  latest.current = key;
  const known = useRef(/** @type {Set<string>} */ (new Set()));
  known.current = new Set((runs ?? []).map((run) => run.id));

  const reload = async () => {
    try {
      const page = await get(path);
      if (latest.current !== key) return;
      setError('');
      // Pages loaded further down stay; their rows are kept up to date one by one.
      const first = new Set(page.items.map((run) => run.id));
      setRuns((old) => [...page.items, ...(old ?? []).slice(PAGE).filter((run) => !first.has(run.id))]);
      setCursor((old) => ((runs?.length ?? 0) > PAGE ? old : page.next_cursor));
    } catch (problem) {
      if (latest.current === key) setError(problem instanceof Error ? problem.message : String(problem));
    }
  };
  useEffect(() => {
    setRuns((old) => (old ? old.slice(0, PAGE) : old));
    const timer = setTimeout(reload, 120);
    return () => clearTimeout(timer);
  }, [key]);

  const reloadLatest = useRef(reload);
  reloadLatest.current = reload;
  useEffect(() => {
    let timer = 0;
    const reloadSoon = () => {
      clearTimeout(timer);
      timer = setTimeout(() => reloadLatest.current(), 300);
    };
    const change = (id, how) => setRuns((old) => old && old.map((run) => (run.id === id ? how(run) : run)));
    const stop = followAllRuns((event) => {
      const id = event.run ?? '';
      if (!known.current.has(id)) {
        if (event.type === 'status') reloadSoon();
      } else if (event.type === 'progress') {
        const percent = event.total ? Math.min(100, (100 * event.step) / event.total) : 0;
        change(id, (run) => ({ ...run, progress: { step: event.step, total: event.total, eta_seconds: event.eta_seconds, percent } }));
      } else {
        change(id, (run) => ({ ...run, status: event.status, status_reason: event.reason, attempt: event.attempt ?? run.attempt }));
        // Summary, claims and the places in the queue come with the run itself.
        if (event.status !== 'running') reloadSoon();
      }
    });
    return () => {
      clearTimeout(timer);
      stop();
    };
  }, []);

  const more = async () => {
    try {
      const page = await get(`${path}&cursor=${encodeURIComponent(cursor ?? '')}`);
      setRuns((old) => [...(old ?? []), ...page.items.filter((run) => !known.current.has(run.id))]);
      setCursor(page.next_cursor);
    } catch (problem) {
      notifyError(problem);
    }
  };
  return { runs, error, cursor, more, reload };
}

/**
 * @param {{run: import('../types.js').Run, card?: import('../types.js').Card, current: boolean, selected: boolean, canWrite: boolean,
 *   onSelect: () => void, onAct: (verb: string) => void}} props
 */
function Row({ run, card, current, selected, canWrite, onSelect, onAct }) {
  const ended = TERMINAL.has(run.status);
  const place = run.status === 'queued' && run.queue?.position ? `#${run.queue.position}` : '';
  return html`<tr class=${`${current ? 'is-current' : ''}${selected ? ' is-selected' : ''}`}>
    <td class="tick"><input type="checkbox" checked=${selected} aria-label="Select" onChange=${onSelect} /></td>
    <td class="status-cell" title=${run.status_reason ?? ''}><${StatusWord} run=${run} /> <span class="quiet number">${place}</span></td>
    <td class="name"><a href=${`/runs/${run.id}`}>${run.name || [run.experiment, run.preset].filter(Boolean).join(' · ')}</a>
      ${run.tags?.map((tag) => html` <span class="tag">${tag}</span>`)}</td>
    <td class="from-wide cut" title=${run.experiment}>${card?.title ?? run.experiment}</td>
    <td class="from-wide cut">${run.project}</td>
    <td class="number">${run.seed}</td>
    <td class="progress-cell">${
      ended
        ? html`<span class="quiet number">${run.started_at && run.finished_at ? formatDuration((Date.parse(run.finished_at) - Date.parse(run.started_at)) / 1000) : ''}</span>`
        : html`<${ProgressBar} percent=${run.progress.percent} busy=${run.status === 'running'} /> <span class="quiet number">${isPreparing(run) ? run.status_reason : run.status === 'running' ? `${formatDuration(run.progress.eta_seconds)} left` : ''}</span>`
    }</td>
    <td class="numbers">${run.status === 'failed' ? html`<span class="quiet" title=${run.status_reason}>${run.status_reason}</span>` : mainNumbers(run, card).map((name) => html`<${MainNumber} key=${name} name=${name} run=${run} />`)}</td>
    <td class="number quiet" title=${formatWhen(run.created_at)}>${formatAge(run.created_at)}</td>
    <td class="row-actions">${canWrite && (ended
        ? html`<button class="mini" onClick=${() => onAct('archive')}>${run.archived ? 'Unarchive' : 'Archive'}</button>`
        : html`<button class="mini" onClick=${() => onAct('cancel')}>Cancel</button>`)}</td>
  </tr>`;
}

export function RunsPage() {
  useTitle('Runs');
  const canWrite = useCanWrite();
  const [status, setStatus] = useQuery('status');
  const [experiment, setExperiment] = useQuery('experiment');
  const [project, setProject] = useQuery('project');
  const [wanted, setWanted] = useQuery('q');
  const [archived, setArchived] = useQuery('archived');
  const [sweep, setSweep] = useQuery('sweep');
  const { value: cards } = useLoad(getCatalogue, []);
  const { runs, error, cursor, more, reload } = useRuns({ status, experiment, project, q: wanted, archived, sweep });
  const [at, setAt] = useState(-1);
  const [selected, setSelected] = useState(/** @type {Set<string>} */ (new Set()));
  const [connected, setConnected] = useState(true);
  const [lostSince, setLostSince] = useState(/** @type {Date | null} */ (null));
  const [, tick] = useState(0);
  useInterval(() => tick((n) => n + 1), 15000);
  useEffect(() => {
    let seen = false;
    let lost = false;
    return onNewsState((now) => {
      setConnected(now || !seen);
      setLostSince(seen && !now ? new Date() : null);
      // What happened while the news were lost is in the list itself.
      if (now && lost) reload();
      lost = seen && !now;
      seen ||= now;
    });
  }, []);

  const list = runs ?? [];
  const toggle = (id) => setSelected((old) => {
    const next = new Set(old);
    if (!next.delete(id)) next.add(id);
    return next;
  });
  const compare = () => navigate(`/compare?runs=${[...selected].join(',')}`);
  // Keys may come faster than the page is drawn, so the place is kept beside the drawn one.
  const place = useRef(-1);
  const goTo = (index) => {
    place.current = index;
    setAt(index);
  };
  usePageKeys((event) => {
    const run = list[place.current];
    if (event.key === 'j') goTo(Math.min(list.length - 1, place.current + 1));
    else if (event.key === 'k') goTo(Math.max(0, place.current - 1));
    else if (event.key === 'Enter' && run && !(event.target instanceof HTMLElement && event.target.closest('a, button'))) navigate(`/runs/${run.id}`);
    else if (event.key === 'x' && run) toggle(run.id);
    else if (event.key === 'c' && selected.size > 0) compare();
  });
  const body = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => body.current?.children[at]?.scrollIntoView({ block: 'nearest' }), [at]);

  /** @param {import('../types.js').Run} run @param {string} verb */
  const act = async (run, verb) => {
    try {
      if (verb === 'cancel') await post(`/api/v1/runs/${run.id}/cancel`);
      else await call('PATCH', `/api/v1/runs/${run.id}`, { archived: !run.archived });
      if (verb === 'archive') notify(run.archived ? 'Back in the list.' : 'Archived.');
      reload();
    } catch (problem) {
      notifyError(problem);
    }
  };
  const actAll = async (verb) => {
    for (const run of list.filter((one) => selected.has(one.id) && (verb === 'archive') === TERMINAL.has(one.status))) await act(run, verb);
    setSelected(new Set());
  };
  const cardOf = (id) => cards?.find((card) => card.id === id);
  const filtered = status || experiment || project || wanted || archived || sweep;

  return html`<main class="page">
    <div class="page-head">
      <h1>Runs</h1>
      <input type="search" placeholder="Filter by name, note or id" aria-label="Filter by name, note or id" value=${wanted} onInput=${(event) => setWanted(event.currentTarget.value)} />
      <select aria-label="Status" onChange=${(event) => setStatus(event.currentTarget.value)}>
        <option value="" selected=${status === ''}>every state</option>
        <option value="queued,running,paused" selected=${status === 'queued,running,paused'}>not ended</option>
        ${STATES.map((state) => html`<option value=${state} selected=${state === status}>${state}</option>`)}
      </select>
      <select aria-label="Experiment" onChange=${(event) => setExperiment(event.currentTarget.value)}>
        <option value="" selected=${experiment === ''}>every experiment</option>
        ${(cards ?? []).map((card) => html`<option value=${card.id} selected=${card.id === experiment}>${card.title}</option>`)}
      </select>
      <input type="text" class="short" placeholder="project" aria-label="Project" value=${project} onInput=${(event) => setProject(event.currentTarget.value)} />
      <label class="check"><input type="checkbox" checked=${archived === 'true'} onChange=${(event) => setArchived(event.currentTarget.checked ? 'true' : '')} /> archived</label>
      ${sweep
        ? html`<span>of <a href=${`/sweeps/${sweep}`}>sweep ${shortId(sweep)}</a> <button class="mini" onClick=${() => setSweep('')}>All runs</button></span>`
        : html`<a href="/sweeps">Sweeps</a>`}
      ${!connected && html`<span class="stale" role="status">stale since ${(lostSince ?? new Date()).toLocaleTimeString('en-GB')} · reconnecting</span>`}
    </div>
    ${error && html`<p class="fault">${error}</p>`}
    ${runs && runs.length === 0
      ? html`<div class="empty"><p>${filtered ? 'No run matches these filters.' : 'Runs stand here, the newest first, and move while they learn.'}</p>
          ${filtered
            ? html`<button onClick=${() => [setStatus, setExperiment, setProject, setWanted, setArchived, setSweep].forEach((set) => set(''))}>Clear the filters</button>`
            : html`<a class="button primary" href="/experiments">Choose an experiment</a>`}</div>`
      : html`<${Scroll}><table class="data runs">
          <thead><tr>
            <td class="tick"></td><th scope="col">Status</th><th scope="col">Name</th><th scope="col" class="from-wide">Experiment</th><th scope="col" class="from-wide">Project</th>
            <th scope="col" class="number">Seed</th><th scope="col">Progress</th><th scope="col">Summary</th><th scope="col" class="number">Created</th><td></td>
          </tr></thead>
          <tbody ref=${body}>
            ${list.map((run, index) => html`<${Row} key=${run.id} run=${run} card=${cardOf(run.experiment)} current=${index === at} selected=${selected.has(run.id)} canWrite=${canWrite}
              onSelect=${() => toggle(run.id)} onAct=${(verb) => act(run, verb)} />`)}
          </tbody>
        </table><//>`}
    ${cursor && html`<p class="more"><button onClick=${more}>Load more</button></p>`}
    ${selected.size > 0 &&
    html`<div class="selection">
      <b class="number">${selected.size}</b> selected
      <button onClick=${compare}>Compare</button>
      ${canWrite && html`<button onClick=${() => actAll('cancel')}>Cancel those that go on</button><button onClick=${() => actAll('archive')}>Archive those that ended</button>`}
      <button class="mini" onClick=${() => setSelected(new Set())}>None</button>
    </div>`}
  </main>`;
}
