/** Which page an address shows; links without reloading; scroll positions that come back; view settings kept in the query. */
import { useCallback, useEffect, useState } from './html.js';

/** @type {Set<() => void>} */
const watchers = new Set();
const tell = () => watchers.forEach((watcher) => watcher());

/** Addresses that the server answers itself. The page behind a link has some of its own, below its path. */
const OUTSIDE = /^\/(api|s|static|healthz|readyz|metrics)(\/|$)/;
const isOutside = (/** @type {string} */ path) => OUTSIDE.test(path) && path !== location.pathname;

const newState = () => ({ key: Math.random().toString(36).slice(2) });
const scrollKey = () => `engram.scroll.${history.state?.key}`;
const rememberScroll = () => {
  try {
    sessionStorage.setItem(scrollKey(), String(scrollY));
  } catch {
    // Then the page starts at its top.
  }
};

/** Content arrives after the page, so the old position is tried until it fits or a second has passed. */
function restoreScroll() {
  let wanted = 0;
  try {
    wanted = Number(sessionStorage.getItem(scrollKey()) ?? 0);
  } catch {
    return;
  }
  if (!wanted) return;
  const until = performance.now() + 1000;
  const attempt = () => {
    scrollTo(0, wanted);
    if (Math.abs(scrollY - wanted) > 2 && performance.now() < until) requestAnimationFrame(attempt);
  };
  requestAnimationFrame(attempt);
}

/** Goes to an address of ours. @param {string} to @param {{replace?: boolean}} [options] */
export function navigate(to, { replace = false } = {}) {
  const url = new URL(to, location.href);
  if (isOutside(url.pathname)) {
    location.assign(url);
    return;
  }
  rememberScroll();
  const moved = url.pathname !== location.pathname;
  if (replace) history.replaceState(history.state, '', url);
  else history.pushState(newState(), '', url);
  tell();
  if (moved && !replace) scrollTo(0, 0);
}

/** Starts to take over clicks on links and the browser's back and forward. */
export function startRouter() {
  history.scrollRestoration = 'manual';
  if (!history.state?.key) history.replaceState(newState(), '');
  addEventListener('pagehide', rememberScroll);
  let settling = 0;
  addEventListener('scroll', () => {
    clearTimeout(settling);
    settling = setTimeout(rememberScroll, 100);
  }, { passive: true });
  addEventListener('popstate', () => {
    clearTimeout(settling);
    tell();
    restoreScroll();
  });
  addEventListener('click', (event) => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest('a') : null;
    if (!link || link.target || link.hasAttribute('download') || link.origin !== location.origin) return;
    if (isOutside(link.pathname) || (link.hash && link.pathname === location.pathname)) return;
    event.preventDefault();
    navigate(link.href);
  });
  restoreScroll();
}

/** The address now; the component draws again when it changes. @returns {{path: string, query: URLSearchParams}} */
export function useAddress() {
  const [address, setAddress] = useState(location.pathname + location.search);
  useEffect(() => {
    const watcher = () => setAddress(location.pathname + location.search);
    watchers.add(watcher);
    return () => watchers.delete(watcher);
  }, []);
  const url = new URL(address, location.origin);
  return { path: url.pathname, query: url.searchParams };
}

/** Writes a value into the query without a new step in the history. @param {string} name @param {string | string[]} value empty removes it */
export function setQuery(name, value) {
  const url = new URL(location.href);
  const wanted = (Array.isArray(value) ? value : [value]).filter((one) => one !== '');
  const here = url.searchParams.getAll(name);
  if (here.length === wanted.length && here.every((one, index) => one === wanted[index])) return;
  url.searchParams.delete(name);
  wanted.forEach((one) => url.searchParams.append(name, one));
  history.replaceState(history.state, '', url);
}

/**
 * A setting of the view that lives in the address, so that reload, back and a copied address show the same.
 * @param {string} name @param {string} [initial] not written to the address
 * @returns {[string, (value: string) => void]}
 */
export function useQuery(name, initial = '') {
  const [value, setValue] = useState(new URLSearchParams(location.search).get(name) ?? initial);
  const set = useCallback((next) => {
    setValue(next);
    setQuery(name, next === initial ? '' : next);
  }, []);
  return [value, set];
}

/** Parts of a path that matches a pattern like `/runs/{id}`, else null. @param {string} pattern @param {string} path */
export function matchPath(pattern, path) {
  const wanted = pattern.split('/');
  const given = path.replace(/\/$/, '').split('/');
  if (wanted.length !== given.length) return null;
  /** @type {Record<string, string>} */
  const parts = {};
  for (let i = 0; i < wanted.length; i += 1) {
    if (wanted[i].startsWith('{')) parts[wanted[i].slice(1, -1)] = decodeURIComponent(given[i]);
    else if (wanted[i] !== given[i]) return null;
  }
  return parts;
}
