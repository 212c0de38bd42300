/** The dashboard: header, the page that the address names, and what is shared by all pages. */
import { Header } from './header.js';
import { html, render, useEffect, useErrorBoundary, useState } from './html.js';
import { KeysDialog, useGlobalKeys } from './keys.js';
import { Notices } from './notice.js';
import { matchPath, startRouter, useAddress } from './router.js';
import { SessionProvider } from './session.js';

/** @typedef {(props: any) => any} Page */

/** Pages are loaded when they are first gone to, so that the first one is there sooner. @type {[string, () => Promise<Page>][]} */
const ROUTES = [
  ['', () => import('./pages/experiments.js').then((page) => page.ExperimentsPage)],
  ['/experiments', () => import('./pages/experiments.js').then((page) => page.ExperimentsPage)],
  ['/new/{id}', () => import('./pages/new_run.js').then((page) => page.NewRunPage)],
  ['/runs', () => import('./pages/runs.js').then((page) => page.RunsPage)],
  ['/runs/{id}', () => import('./pages/run.js').then((page) => page.RunPage)],
  ['/sweeps', () => import('./pages/sweeps.js').then((page) => page.SweepsPage)],
  ['/sweeps/new', () => import('./pages/new_sweep.js').then((page) => page.NewSweepPage)],
  ['/sweeps/{id}', () => import('./pages/sweep.js').then((page) => page.SweepPage)],
  ['/compare', () => import('./pages/compare.js').then((page) => page.ComparePage)],
  ['/shares', () => import('./pages/shares.js').then((page) => page.SharesPage)],
  ['/lab', () => import('./pages/lab.js').then((page) => page.LabPage)],
  ['/login', () => import('./pages/login.js').then((page) => page.LoginPage)],
];
/** Where most go next; these pages follow once the first one has had its time, so that going there takes no wait. */
const NEXT = ['/new/{id}', '/runs', '/runs/{id}'];
const LOAD_NEXT_MS = 2000;

/** Pages that are here. @type {Map<string, Page>} */
const pages = new Map();

/** @param {string} pattern @param {() => Promise<Page>} load */
const loadPage = (pattern, load) => load().then((page) => pages.set(pattern, page));

/** @param {{pattern: string, load: () => Promise<Page>, parts: Record<string, string>}} props */
function LazyPage({ pattern, load, parts }) {
  const [, again] = useState(0);
  const [fault, setFault] = useState('');
  const Page = pages.get(pattern);
  useEffect(() => {
    if (!Page) loadPage(pattern, load).then(() => again((n) => n + 1), () => setFault('This page could not be loaded. Is the server running? Reload to try again.'));
  }, [pattern]);
  if (Page) return html`<${Page} ...${parts} />`;
  return html`<main class="page">${fault && html`<p class="fault">${fault}</p>`}</main>`;
}

function MissingPage() {
  return html`<main class="page"><h1>Nothing is here</h1><p>This address names no page. <a href="/experiments">Experiments</a> · <a href="/runs">Runs</a></p></main>`;
}

/** @param {{path: string}} props */
function CurrentPage({ path }) {
  const [error, reset] = useErrorBoundary((problem) => console.error(problem));
  if (error) {
    return html`<main class="page"><h1>This page broke</h1><p class="fault">${String(error)}</p><p><button onClick=${reset}>Try again</button></p></main>`;
  }
  for (const [pattern, load] of ROUTES) {
    const parts = matchPath(pattern, path);
    if (parts) return html`<${LazyPage} key=${pattern} pattern=${pattern} load=${load} parts=${parts} />`;
  }
  return html`<${MissingPage} />`;
}

function Dashboard() {
  const { path, query } = useAddress();
  const [help, setHelp] = useState(false);
  useGlobalKeys({ onHelp: () => setHelp(true) });
  // Filters of a page are part of its address: arriving at another address of the same page starts it anew.
  const key = `${path}?${query.get('runs') ?? ''}${query.get('from') ?? ''}${query.get('sweep') ?? ''}`;
  return html`<${Header} path=${path} onKeys=${() => setHelp(true)} />
    <${CurrentPage} key=${key} path=${path} />
    ${help && html`<${KeysDialog} onClose=${() => setHelp(false)} />`}`;
}

function App() {
  const { path } = useAddress();
  return html`<${SessionProvider}>
    ${path === '/login' ? html`<${CurrentPage} path=${path} />` : html`<${Dashboard} />`}
    <${Notices} />
  <//>`;
}

startRouter();
const root = document.getElementById('app');
if (root) render(html`<${App} />`, root);
setTimeout(() => ROUTES.filter(([pattern]) => NEXT.includes(pattern)).forEach(([pattern, load]) => loadPage(pattern, load).catch(() => {})), LOAD_NEXT_MS);
