/** The list of all runs, live: filtered, sorted, in groups, and what can be done with many of them. Its address is the whole view. */
import { get, getCatalogue } from '../api.js';
import { html, useCallback, useEffect, useMemo, useRef, useState } from '../html.js';
import { usePageKeys } from '../keys.js';
import { labRuns } from '../live_runs.js';
import { useInterval, useLoad, useTitle } from '../load.js';
import { useNewsBack } from '../news_state.js';
import { navigate, setQuery, useAddress } from '../router.js';
import { BulkBar } from '../runs/bulk_bar.js';
import { ColumnsDialog, GroupSelect, ViewsDialog } from '../runs/choosers.js';
import { columnOf, fieldsOf, USUAL } from '../runs/columns.js';
import { FilterBox } from '../runs/filter_box.js';
import { allOf, filterOf, writeValue } from '../runs/filter_text.js';
import { RunList } from '../runs/run_list.js';
import { RunTable } from '../runs/run_table.js';
import { useCanWrite } from '../session.js';

/** Runs that can be compared at once. */
const MOST_COMPARED = 200;
/** News are drawn together, at most so often. */
const DRAW_MS = 200;
/** Results of claims that a group's head may show. */
const MOST_RESULTS = 12;

/** @typedef {{filter: string, project: string, archived: string, sort: string, columns: string, group: string}} View */
const VIEW = /** @type {const} */ (['filter', 'project', 'archived', 'sort', 'columns', 'group']);

/** The view that the address names; single conditions of other pages' links become part of the filter. @returns {View} */
function readView() {
  const query = new URLSearchParams(location.search);
  const of = (name) => query.get(name) ?? '';
  const linked = ['experiment', 'sweep', 'tag', 'created_by'].filter((name) => query.has(name)).map((name) => `${name} = ${writeValue(of(name))}`);
  if (query.has('status')) linked.push(`status in (${of('status')})`);
  const filter = of('filter') || of('q');
  return { filter: linked.length > 0 ? allOf([...linked, filterOf(filter)]) : filter, project: of('project'), archived: of('archived'), sort: of('sort'), columns: of('columns'), group: of('group') };
}

/** The same view as an address. @param {View} view */
function queryOf(view) {
  const query = new URLSearchParams(VIEW.filter((name) => view[name] !== '').map((name) => [name, view[name]]));
  return query.size > 0 ? `?${query}` : '';
}

/** The rows of a view, and how it stands with them. @param {import('../runs/run_list.js').Wanted} wanted @param {string} text that was typed */
function useRunList(wanted, text) {
  const [version, setVersion] = useState(0);
  const [trouble, setTrouble] = useState(/** @type {{text: string, faults: import('../runs/filter_box.js').FilterFault[], message: string}} */ ({ text: '', faults: [], message: '' }));
  const key = JSON.stringify(wanted);
  const asked = useRef(/** @type {RunList | null} */ (null));
  const [shown, setShown] = useState(/** @type {RunList | null} */ (null));
  useEffect(() => {
    const list = new RunList(wanted, {
      onChange: () => {
        setTrouble({ text: '', faults: [], message: '' });
        // The old rows stay until the new ones are there, so that nothing jumps while typing.
        setShown(list);
        setVersion((n) => n + 1);
      },
      onError: (error) => {
        const faults = /** @type {any} */ (error)?.errors?.filter((fault) => typeof fault.position === 'number') ?? [];
        setTrouble({ text, faults, message: faults.length > 0 ? '' : error instanceof Error ? error.message : String(error) });
      },
    });
    asked.current = list;
    list.look(0, 30);
    return () => list.stop();
  }, [key]);
  return { list: shown, latest: asked, version, draw: useCallback(() => setVersion((n) => n + 1), []), trouble };
}

/** Keeps a list up to date by the news of all runs. @param {{current: RunList | null}} latest @param {() => void} draw */
function useNews(latest, draw) {
  useEffect(() => {
    let refreshing = 0;
    let drawing = 0;
    const refreshSoon = () => {
      // Not put off by more news: a busy lab would never be read again.
      refreshing ||= setTimeout(() => {
        refreshing = 0;
        latest.current?.refresh();
      }, 400);
    };
    const stop = labRuns.followAll((event) => {
      const id = event.run ?? '';
      const changed = latest.current?.change(id, (run) => {
        if (event.type !== 'progress') return { ...run, status: event.status, status_reason: event.reason, attempt: event.attempt ?? run.attempt };
        const percent = event.total ? Math.min(100, (100 * event.step) / event.total) : 0;
        return { ...run, progress: { step: event.step, total: event.total, eta_seconds: event.eta_seconds, percent } };
      });
      // Summary, places in the queue, and what a filter lets through come with the list itself.
      if (event.type === 'status' && (!changed || event.status !== 'running')) refreshSoon();
      if (changed) {
        drawing ||= setTimeout(() => {
          drawing = 0;
          draw();
        }, DRAW_MS);
      }
    });
    return () => {
      clearTimeout(refreshing);
      clearTimeout(drawing);
      stop();
    };
  }, []);
  useNewsBack(() => latest.current?.refresh());
}

export function RunsPage() {
  useTitle('Runs');
  const canWrite = useCanWrite();
  const [view, setView] = useState(readView);
  const { value: cards } = useLoad(getCatalogue, []);
  const { value: known, reload: readFields } = useLoad(() => get('/api/v1/runs/fields'), []);
  /** @type {import('../runs/filter_text.js').Field[]} */
  const fields = known?.fields ?? [];
  const valuesOf = (name) => fields.find((field) => field.name === name)?.values ?? [];
  const names = useMemo(() => (view.columns ? view.columns.split(',').filter((name) => columnOf(name)) : USUAL), [view.columns]);
  const columns = useMemo(() => names.flatMap((name) => columnOf(name) ?? []), [names]);
  const measured = useMemo(() => [...new Set((cards ?? []).flatMap((card) => card.claims.map((claim) => claim.measure)))].slice(0, MOST_RESULTS), [cards]);
  const chosenResults = names.filter((name) => name.startsWith('summary.')).map((name) => name.slice('summary.'.length)).slice(0, 20);
  const filter = filterOf(view.filter);
  const wanted = {
    filter, project: view.project, archived: view.archived === 'true', sort: view.sort, fields: fieldsOf(names), group: view.group,
    summary: view.group === '' ? [] : chosenResults.length > 0 ? chosenResults : measured,
  };
  const { list, latest, version, draw, trouble } = useRunList(wanted, view.filter);
  useNews(latest, draw);
  const [at, setAt] = useState(-1);
  const [selected, setSelected] = useState(/** @type {Set<string>} */ (new Set()));
  const [allSelected, setAllSelected] = useState(false);
  const [dialog, setDialog] = useState('');
  const [minute, tick] = useState(0);
  useInterval(() => tick((n) => n + 1), 15000);

  // Back, forward and links to another view of this page.
  const { query: address } = useAddress();
  useEffect(() => setView(readView()), [address.toString()]);
  /** @param {Partial<View>} change */
  const change = (change) => {
    const next = { ...view, ...change };
    setView(next);
    for (const name of VIEW) setQuery(name, next[name]);
    for (const name of ['experiment', 'sweep', 'tag', 'created_by', 'status', 'q']) setQuery(name, '');
    if ('filter' in change || 'project' in change || 'archived' in change) setAllSelected(false);
    if (!('columns' in change)) goTo(-1);
  };
  const last = useRef(-1);
  const selectOne = useCallback((id) => {
    // "All but this one" is no selection that the server knows, so that none is left.
    setAllSelected(false);
    setSelected((old) => {
      const next = new Set(old);
      if (!next.delete(id) && !allSelected) next.add(id);
      return next;
    });
  }, [allSelected]);
  const selectAll = () => {
    setSelected(new Set());
    setAllSelected((old) => !old);
  };
  const none = () => {
    setSelected(new Set());
    setAllSelected(false);
  };
  const total = list?.total ?? 0;
  const count = allSelected ? total : selected.size;
  const compare = () => navigate(allSelected ? `/compare?${new URLSearchParams({ filter: wholeFilter })}` : `/compare?runs=${[...selected].join(',')}`);
  const wholeFilter = allOf([filter, view.project ? `project = ${writeValue(view.project)}` : '', view.archived === 'true' ? 'archived = true' : '']);
  const isSelected = (id) => allSelected || selected.has(id);

  // Keys may come faster than the page is drawn, so the place is kept beside the drawn one.
  const goTo = (index) => {
    last.current = index;
    setAt(index);
  };
  usePageKeys((event) => {
    const rows = list?.rows ?? 0;
    const row = list?.slice(last.current, last.current + 1)[0];
    const onControl = event.target instanceof HTMLElement && event.target.closest('a, button') !== null;
    if (event.key === 'j') goTo(Math.min(rows - 1, last.current + 1));
    else if (event.key === 'k') goTo(Math.max(0, last.current - 1));
    else if (event.key === 'Enter' && !onControl && last.current >= 0 && row?.kind === 'group') list?.toggle(row.group);
    else if (event.key === 'Enter' && !onControl && last.current >= 0 && row?.kind === 'run' && row.run) navigate(`/runs/${row.run.id}`);
    else if (event.key === 'x' && last.current >= 0 && row?.kind === 'run' && row.run) selectOne(row.run.id);
    else if (event.key === 'c' && count > 0 && count <= MOST_COMPARED) compare();
  });
  const isFiltered = filter !== '' || view.project !== '' || view.archived === 'true';

  return html`<main class="page runs-page">
    <div class="page-head">
      <h1>Runs</h1>
      <span class="quiet number run-count">${list?.total === null || !list ? '' : `${list.total.toLocaleString('en-GB').replaceAll(',', '\u2009')} ${isFiltered ? 'match' : ''}`}</span>
      <a class="from-tablet" href="/sweeps">Sweeps</a>
    </div>
    <div class="runs-tools">
      <${FilterBox} value=${view.filter} onChange=${(text) => change({ filter: text })} faults=${trouble.faults} faulty=${trouble.text} fields=${fields} />
      <select aria-label="Project" onChange=${(event) => change({ project: event.currentTarget.value })}>
        <option value="" selected=${view.project === ''}>every project</option>
        ${[...new Set([...valuesOf('project'), ...(view.project ? [view.project] : [])])].map((name) => html`<option key=${name} value=${name} selected=${name === view.project}>${name}</option>`)}
      </select>
      <${GroupSelect} fields=${fields} value=${view.group} onChange=${(by) => change({ group: by })} />
      <button onClick=${() => setDialog('columns')}>Columns…</button>
      <button onClick=${() => setDialog('views')}>Views…</button>
      <label class="check"><input type="checkbox" checked=${view.archived === 'true'} onChange=${(event) => change({ archived: event.currentTarget.checked ? 'true' : '' })} /> archived</label>
    </div>
    ${trouble.message && html`<p class="fault" role="alert">${trouble.message}</p>`}
    ${list && list.total === 0
      ? html`<div class="empty"><p>${isFiltered ? 'No run matches these filters.' : 'Runs stand here, the newest first, and move while they learn.'}</p>
          ${isFiltered
            ? html`<button onClick=${() => change({ filter: '', project: '', archived: '' })}>Clear the filters</button>`
            : html`<a class="button primary" href="/experiments">Choose an experiment</a>`}</div>`
      : list
        ? html`<${RunTable} list=${list} version=${version} columns=${columns} cards=${cards ?? []} sort=${view.sort || '-created_at'} at=${at} isSelected=${isSelected}
            allSelected=${allSelected} minute=${minute} place=${queryOf({ ...view, columns: '' })} onSort=${(sort) => change({ sort: sort === '-created_at' ? '' : sort })} onSelect=${selectOne} onSelectAll=${selectAll} />
          ${list.more && html`<p class="quiet">These are the 500 largest groups; there are more. A filter shows the others.</p>`}`
        : html`<p class="quiet loading">${trouble.faults.length > 0 ? 'Runs stand here once the filter can be read.' : 'Reading runs …'}</p>`}
    <${BulkBar} count=${count} all=${allSelected} archived=${view.archived === 'true'} chosen=${allSelected ? { filter: wholeFilter } : { ids: [...selected] }} tags=${valuesOf('tag')} canWrite=${canWrite}
      onCompare=${count > 0 && count <= MOST_COMPARED ? compare : null} onNone=${none} onChanged=${(action) => {
        none();
        latest.current?.refresh();
        if (action === 'tag') readFields();
      }} />
    ${dialog === 'columns' && html`<${ColumnsDialog} fields=${fields} chosen=${names} onChange=${(next) => change({ columns: next.join() === USUAL.join() ? '' : next.join(',') })} onClose=${() => setDialog('')} />`}
    ${dialog === 'views' && html`<${ViewsDialog} query=${queryOf(view)} onChoose=${(query) => {
      setDialog('');
      navigate(`/runs${query}`);
    }} onClose=${() => setDialog('')} />`}
  </main>`;
}
