/** Light, dark or the system's theme: remembered, and told to whoever draws on a canvas. */
import { useEffect, useState } from './html.js';

/** @typedef {'system' | 'light' | 'dark'} Theme */

const KEY = 'engram.theme';
const system = matchMedia('(prefers-color-scheme: dark)');
/** @type {Set<() => void>} */
const watchers = new Set();
const tell = () => watchers.forEach((watcher) => watcher());
system.addEventListener('change', tell);

/** @returns {Theme} what was chosen */
export function chosenTheme() {
  const theme = document.documentElement.dataset.theme;
  return theme === 'light' || theme === 'dark' ? theme : 'system';
}

/** @param {Theme} theme */
export function chooseTheme(theme) {
  if (theme === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  try {
    if (theme === 'system') localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, theme);
  } catch {
    // Without storage the choice lasts until the page is left.
  }
  tell();
}

/** @returns {boolean} whether the page is dark now */
export function isDark() {
  const theme = chosenTheme();
  return theme === 'dark' || (theme === 'system' && system.matches);
}

/** Calls `watcher` after every change. @param {() => void} watcher @returns {() => void} call it to stop */
export function onThemeChange(watcher) {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}

/** @returns {boolean} whether the page is dark; the component draws again when that changes */
export function useDark() {
  const [dark, setDark] = useState(isDark());
  useEffect(() => onThemeChange(() => setDark(isDark())), []);
  return dark;
}

/** Colours that canvases draw with, read from the stylesheet. */
export function inks() {
  const style = getComputedStyle(document.documentElement);
  const read = (name) => style.getPropertyValue(name).trim();
  return {
    paper: read('--paper'),
    ink: read('--ink'),
    axis: read('--axis'),
    grid: read('--grid'),
    faint: read('--ink-3'),
    font: '11px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif',
  };
}
