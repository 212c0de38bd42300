/** The tail of the log, with a search and a choice of levels; it stays at its end unless someone has scrolled up. */
import { html, useEffect, useRef, useState } from '../html.js';
import { useQuery } from '../router.js';
import { When } from '../when.js';
import { useRunTopics } from './watch.js';

/** Lines drawn; a search looks through all that are kept. */
const SHOWN_LINES = 300;

/** From the least serious to the most. @type {import('../types.js').LogLine['level'][]} */
const LEVELS = ['info', 'warning', 'error'];
/** What each choice shows: its level and what is more serious. @type {Record<string, string>} */
const CHOICES = { info: 'all', warning: 'warnings and errors', error: 'errors' };

/** @param {{data: import('./run_data.js').RunData}} props */
export function LogPanel({ data }) {
  useRunTopics(data, 'logs');
  const [wanted, setWanted] = useState('');
  const [level, setLevel] = useQuery('log', 'info');
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const atEnd = useRef(true);
  const needle = wanted.toLowerCase();
  const least = Math.max(0, LEVELS.indexOf(/** @type {any} */ (level)));
  const isAll = needle === '' && least === 0;
  const isWanted = (line) => LEVELS.indexOf(line.level) >= least && (line.message.toLowerCase().includes(needle) || line.level.includes(needle));
  const found = isAll ? data.logs : data.logs.filter(isWanted);
  const shown = found.slice(-SHOWN_LINES);
  useEffect(() => {
    if (atEnd.current && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [shown.length, shown[shown.length - 1]?.seq]);
  const onScroll = (event) => {
    const { scrollTop, scrollHeight, clientHeight } = event.currentTarget;
    atEnd.current = scrollHeight - scrollTop - clientHeight < 24;
  };
  return html`<details class="side" open>
    <summary>Log <span class="quiet">${isAll ? data.logs.length : `${found.length} of ${data.logs.length}`} lines</span></summary>
    <div class="log-tools">
      <input type="search" placeholder="Search the log" aria-label="Search the log" value=${wanted} onInput=${(event) => setWanted(event.currentTarget.value)} />
      <select class="mini" aria-label="Levels shown" value=${LEVELS[least]} onChange=${(event) => setLevel(event.currentTarget.value)}>
        ${LEVELS.map((one, index) => html`<option value=${one} selected=${index === least}>${CHOICES[one]}</option>`)}
      </select>
    </div>
    <div class="log" ref=${box} onScroll=${onScroll} tabindex="0" role="log" aria-label="Log">
      ${shown.length === 0 && html`<p class="quiet">${isAll ? 'What the run says stands here.' : 'No line is of this kind.'}</p>`}
      ${shown.map((line) => html`<p key=${line.seq} data-level=${line.level}><${When} time=${line.time} /> ${line.level !== 'info' && html`<b>${line.level}</b> `}<bdi>${line.message}</bdi></p>`)}
    </div>
  </details>`;
}
