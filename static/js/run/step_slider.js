/** The one slider under everything: it moves the crosshair of every chart and all frames together, plays them, or follows the newest. */
import { html, useCallback, useEffect, useRef, useState } from '../html.js';
import { TERMINAL } from './run_data.js';
import { useGroupTopics, useRunTopics } from './watch.js';

/** Time between two frames while playing. */
const PLAY_MS = 200;

/** @param {{data: import('./run_data.js').RunData, group: import('../charts/group.js').ChartGroup}} props */
export function StepSlider({ data, group }) {
  useRunTopics(data, 'run', 'frames', 'points');
  useGroupTopics(group, 'step');
  const [playing, setPlaying] = useState(false);
  const steps = useRef(/** @type {number[]} */ ([]));
  steps.current = data.frameSteps;
  const last = data.lastStep;
  const ended = TERMINAL.has(data.run?.status ?? '');

  const go = useCallback((step) => group.setStep(step), [group]);

  useEffect(() => {
    if (!playing) return undefined;
    const timer = setInterval(() => {
      const list = steps.current.length > 1 ? steps.current : [...Array(50)].map((_, i) => Math.round(((i + 1) * data.lastStep) / 50));
      const next = list.find((step) => step > (group.step ?? Infinity));
      if (next === undefined) {
        setPlaying(false);
        go(null);
      } else go(next);
    }, PLAY_MS);
    return () => clearInterval(timer);
  }, [playing]);

  const play = () => {
    if (!playing && group.step === null) go(steps.current[0] ?? 0);
    setPlaying(!playing);
  };
  useEffect(() => {
    const onKey = (event) => {
      if (event.key !== ' ' || event.target.closest?.('input, textarea, select, button, a, dialog')) return;
      event.preventDefault();
      play();
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  });

  /** Arrow keys go from frame to frame, where there are frames. */
  const onKeyDown = (event) => {
    const back = event.key === 'ArrowLeft' || event.key === 'ArrowDown';
    const forth = event.key === 'ArrowRight' || event.key === 'ArrowUp';
    if ((!back && !forth) || steps.current.length < 2) return;
    event.preventDefault();
    const at = group.step ?? Infinity;
    const next = forth ? steps.current.find((step) => step > at) : [...steps.current].reverse().find((step) => step < (group.step ?? last + 1));
    if (next !== undefined) go(next);
    else if (forth) go(null);
  };

  return html`<div class="step-slider">
    <button class="mini" aria-pressed=${playing} onClick=${play} disabled=${last <= 0} title="Plays the run (space)">${playing ? '❚❚ Stop' : '▶ Play'}</button>
    <label>
      <span class="quiet">step</span>
      <input
        type="range" min="0" max=${Math.max(1, last)} step="1" value=${group.step ?? last} aria-label="Step shown" disabled=${last <= 0}
        onInput=${(event) => go(Number(event.currentTarget.value))} onKeyDown=${onKeyDown} />
    </label>
    <output class="number">${group.step ?? last}</output>
    <button class="mini" aria-pressed=${group.step === null} onClick=${() => go(null)}>${ended ? 'Last' : 'Follow live'}</button>
  </div>`;
}
