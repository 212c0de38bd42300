/** The tail of the log, with a search; it stays at its end unless someone has scrolled up. */
import { formatWhen } from '../format.js';
import { html, useEffect, useRef, useState } from '../html.js';
import { useRunTopics } from './watch.js';

/** Lines drawn; a search looks through all that are kept. */
const SHOWN_LINES = 300;

/** @param {{data: import('./run_data.js').RunData}} props */
export function LogPanel({ data }) {
  useRunTopics(data, 'logs');
  const [wanted, setWanted] = useState('');
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const atEnd = useRef(true);
  const needle = wanted.toLowerCase();
  const found = needle === '' ? data.logs : data.logs.filter((line) => line.message.toLowerCase().includes(needle) || line.level.includes(needle));
  const shown = found.slice(-SHOWN_LINES);
  useEffect(() => {
    if (atEnd.current && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [shown.length, shown[shown.length - 1]?.seq]);
  const onScroll = (event) => {
    const { scrollTop, scrollHeight, clientHeight } = event.currentTarget;
    atEnd.current = scrollHeight - scrollTop - clientHeight < 24;
  };
  return html`<details class="side" open>
    <summary>Log <span class="quiet">${needle ? `${found.length} of ${data.logs.length}` : data.logs.length} lines</span></summary>
    <input type="search" placeholder="Search the log" aria-label="Search the log" value=${wanted} onInput=${(event) => setWanted(event.currentTarget.value)} />
    <div class="log" ref=${box} onScroll=${onScroll} tabindex="0" role="log" aria-label="Log">
      ${shown.length === 0 && html`<p class="quiet">${needle ? 'No line has this.' : 'What the run says stands here.'}</p>`}
      ${shown.map((line) => html`<p key=${line.seq} data-level=${line.level}><time title=${line.time}>${formatWhen(line.time)}</time> ${line.level !== 'info' && html`<b>${line.level}</b> `}${line.message}</p>`)}
    </div>
  </details>`;
}
