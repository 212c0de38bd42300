/** The part of a long list of runs that is looked at: read page by page as it is scrolled to, kept up to date by the news. */
import { get } from '../api.js';

/** Runs of one page. */
export const PAGE = 100;
/** Pages kept; those looked at longest ago go first. */
const MOST_PAGES = 24;

/** @typedef {import('../types.js').Run} Run */

export class RunWindow {
  /**
   * @param {string} query of the list, without page and count
   * @param {{onChange: () => void, onError: (error: unknown) => void}} tell
   */
  constructor(query, tell) {
    this.path = `/api/v1/runs?${query ? `${query}&` : ''}limit=${PAGE}`;
    this.tell = tell;
    /** How many runs match; `null` until it is known. @type {number | null} */
    this.total = null;
    /** By their place in the list. @type {Map<number, Run[]>} */
    this.pages = new Map();
    /** @type {Set<number>} */
    this.loading = new Set();
    /** The pages looked at now. @type {[number, number]} */
    this.looked = [0, 0];
    this.stopped = false;
    this.round = 0;
  }

  stop() {
    this.stopped = true;
  }

  /** The run at a place, if its page is here. @param {number} index @returns {Run | undefined} */
  at(index) {
    return this.pages.get(Math.floor(index / PAGE))?.[index % PAGE];
  }

  /** Says which places are looked at, so that they are read. @param {number} from @param {number} to */
  look(from, to) {
    this.looked = [Math.floor(Math.max(0, from) / PAGE), Math.floor(Math.max(0, to) / PAGE)];
    for (let page = this.looked[0]; page <= this.looked[1]; page += 1) if (!this.pages.has(page)) this.read(page, this.total === null);
  }

  /** Reads again what is looked at, and forgets the rest: places may have moved. */
  async refresh() {
    this.round += 1;
    const [from, to] = this.looked;
    for (const page of this.pages.keys()) if (page < from || page > to) this.pages.delete(page);
    const pages = [];
    for (let page = from; page <= to; page += 1) pages.push(this.read(page, page === from, true));
    await Promise.all(pages);
  }

  /** @param {number} page @param {boolean} count @param {boolean} [again] though it is being read */
  async read(page, count, again = false) {
    if (this.loading.has(page) && !again) return;
    this.loading.add(page);
    const { round } = this;
    try {
      const answer = await get(`${this.path}${count ? '&count=true' : ''}${page > 0 ? `&offset=${page * PAGE}` : ''}`);
      if (this.stopped || round !== this.round) return;
      if (count) this.total = answer.total;
      this.pages.delete(page);
      this.pages.set(page, answer.items);
      for (const old of this.pages.keys()) {
        if (this.pages.size <= MOST_PAGES) break;
        if (old < this.looked[0] || old > this.looked[1]) this.pages.delete(old);
      }
      this.tell.onChange();
    } catch (error) {
      if (!this.stopped && round === this.round) this.tell.onError(error);
    } finally {
      this.loading.delete(page);
    }
  }

  /** Changes a run where it is here. @param {string} id @param {(run: Run) => Run} how @returns {boolean} whether it is */
  change(id, how) {
    for (const runs of this.pages.values()) {
      const place = runs.findIndex((run) => run.id === id);
      if (place < 0) continue;
      runs[place] = how(runs[place]);
      return true;
    }
    return false;
  }
}
