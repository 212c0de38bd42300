/** The rows of the list of runs: runs page by page, or groups of runs of which each opens to its own. */
import { get } from '../api.js';
import { allOf, writeValue } from './filter_text.js';
import { RunWindow } from './run_window.js';

/** @typedef {import('../types.js').Run} Run */
/** @typedef {{value: any, count: number, running: number, summary: Record<string, import('../types.js').Estimate>}} Group */
/** @typedef {{filter: string, project: string, archived: boolean, sort: string, fields: string, group: string, summary: string[]}} Wanted */
/** @typedef {{kind: 'run', run: Run | undefined} | {kind: 'group', group: Group, open: boolean}} Row */

/** The query that asks for runs. @param {Wanted} wanted @param {string} [more] a filter that must hold as well */
function queryOf({ filter, project, archived, sort, fields }, more = '') {
  const query = new URLSearchParams();
  const whole = allOf([filter, more]);
  if (whole) query.set('filter', whole);
  if (project) query.set('project', project);
  if (archived) query.set('archived', 'true');
  if (sort && sort !== '-created_at') query.set('sort', sort);
  if (fields) query.set('fields', fields);
  return query.toString();
}

/** The filter that lets the runs of a group through. @param {string} by @param {any} value */
export const groupFilter = (by, value) => `${by} = ${writeValue(value)}`;

export class RunList {
  /** @param {Wanted} wanted @param {{onChange: () => void, onError: (error: unknown) => void}} tell */
  constructor(wanted, tell) {
    this.wanted = wanted;
    this.tell = tell;
    this.stopped = false;
    /** Whether there are more groups than these. */
    this.more = false;
    /** @type {Group[] | null} */
    this.groups = null;
    /** The groups that are open, by their filter. @type {Map<string, RunWindow>} */
    this.open = new Map();
    /** All runs, where there are no groups. @type {RunWindow | null} */
    this.runs = null;
    if (wanted.group === '') this.runs = new RunWindow(queryOf(wanted), tell);
    else this.readGroups();
  }

  stop() {
    this.stopped = true;
    this.runs?.stop();
    this.open.forEach((window) => window.stop());
  }

  async readGroups() {
    const { group, summary } = this.wanted;
    const query = new URLSearchParams(queryOf({ ...this.wanted, sort: '', fields: '' }));
    query.set('by', group);
    if (summary.length > 0) query.set('summary', summary.join(','));
    try {
      const answer = await get(`/api/v1/runs/groups?${query}`);
      if (this.stopped) return;
      this.groups = answer.items;
      this.more = answer.more;
      this.tell.onChange();
    } catch (error) {
      if (!this.stopped) this.tell.onError(error);
    }
  }

  /** How many runs match; `null` until it is known. */
  get total() {
    if (this.runs) return this.runs.total;
    return this.groups?.reduce((sum, group) => sum + group.count, 0) ?? null;
  }

  /** How many rows there are, groups counted. */
  get rows() {
    if (this.runs) return this.runs.total ?? 0;
    return (this.groups ?? []).reduce((sum, group) => sum + 1 + this.openRows(group), 0);
  }

  /** @param {Group} group */
  windowOf(group) {
    return this.open.get(groupFilter(this.wanted.group, group.value));
  }

  /** @param {Group} group */
  openRows(group) {
    const window = this.windowOf(group);
    return window ? (window.total ?? group.count) : 0;
  }

  /** Every row from `from` to before `to`. @param {number} from @param {number} to @returns {Row[]} */
  slice(from, to) {
    /** @type {Row[]} */
    const rows = [];
    if (this.runs) {
      for (let index = from; index < Math.min(to, this.rows); index += 1) rows.push({ kind: 'run', run: this.runs.at(index) });
      return rows;
    }
    let place = 0;
    for (const group of this.groups ?? []) {
      if (place >= to) break;
      const window = this.windowOf(group);
      const count = this.openRows(group);
      if (place >= from) rows.push({ kind: 'group', group, open: window !== undefined });
      const last = window ? Math.min(count, to - place - 1) : 0;
      for (let index = Math.max(0, from - place - 1); index < last; index += 1) rows.push({ kind: 'run', run: window?.at(index) });
      place += 1 + count;
    }
    return rows;
  }

  /** Says which rows are looked at, so that their runs are read. @param {number} from @param {number} to */
  look(from, to) {
    if (this.runs) {
      this.runs.look(from, Math.max(from, Math.min(to, (this.runs.total ?? 1)) - 1));
      return;
    }
    let place = 0;
    for (const group of this.groups ?? []) {
      const count = this.openRows(group);
      const [first, last] = [Math.max(0, from - place - 1), Math.min(count, to - place - 1) - 1];
      if (first <= last) this.windowOf(group)?.look(first, last);
      place += 1 + count;
    }
  }

  /** Opens a group or closes it. @param {Group} group */
  toggle(group) {
    const filter = groupFilter(this.wanted.group, group.value);
    const window = this.open.get(filter);
    if (window) {
      window.stop();
      this.open.delete(filter);
    } else {
      const made = new RunWindow(queryOf(this.wanted, filter), this.tell);
      made.total = group.count;
      this.open.set(filter, made);
    }
    this.tell.onChange();
  }

  /** Reads everything that is looked at again. */
  async refresh() {
    if (this.runs) await this.runs.refresh();
    else await Promise.all([this.readGroups(), ...[...this.open.values()].map((window) => window.refresh())]);
  }

  /** Changes a run where it is here. @param {string} id @param {(run: Run) => Run} how @returns {boolean} whether it is */
  change(id, how) {
    // A run may be in several groups, one for each of its tags.
    const windows = this.runs ? [this.runs] : [...this.open.values()];
    return windows.map((window) => window.change(id, how)).some(Boolean);
  }
}
