/** The dashboard: header, the page that the address names, and what is shared by all pages. */
import { Header } from './header.js';
import { html, render, useErrorBoundary, useState } from './html.js';
import { KeysDialog, useGlobalKeys } from './keys.js';
import { Notices } from './notice.js';
import { ComparePage } from './pages/compare.js';
import { ExperimentsPage } from './pages/experiments.js';
import { LabPage } from './pages/lab.js';
import { LoginPage } from './pages/login.js';
import { NewRunPage } from './pages/new_run.js';
import { RunPage } from './pages/run.js';
import { RunsPage } from './pages/runs.js';
import { SharesPage } from './pages/shares.js';
import { matchPath, startRouter, useAddress } from './router.js';
import { SessionProvider } from './session.js';

/** @type {[string, (props: any) => any][]} */
const ROUTES = [
  ['', ExperimentsPage],
  ['/experiments', ExperimentsPage],
  ['/new/{id}', NewRunPage],
  ['/runs', RunsPage],
  ['/runs/{id}', RunPage],
  ['/compare', ComparePage],
  ['/shares', SharesPage],
  ['/lab', LabPage],
];

function MissingPage() {
  return html`<main class="page"><h1>Nothing is here</h1><p>This address names no page. <a href="/experiments">Experiments</a> · <a href="/runs">Runs</a></p></main>`;
}

/** @param {{path: string}} props */
function CurrentPage({ path }) {
  const [error, reset] = useErrorBoundary((problem) => console.error(problem));
  if (error) {
    return html`<main class="page"><h1>This page broke</h1><p class="fault">${String(error)}</p><p><button onClick=${reset}>Try again</button></p></main>`;
  }
  for (const [pattern, Page] of ROUTES) {
    const parts = matchPath(pattern, path);
    if (parts) return html`<${Page} ...${parts} />`;
  }
  return html`<${MissingPage} />`;
}

function Dashboard() {
  const { path, query } = useAddress();
  const [help, setHelp] = useState(false);
  useGlobalKeys({ onHelp: () => setHelp(true) });
  // Filters of a page are part of its address: arriving at another address of the same page starts it anew.
  const key = `${path}?${query.get('runs') ?? ''}${query.get('from') ?? ''}`;
  return html`<${Header} path=${path} onKeys=${() => setHelp(true)} />
    <${CurrentPage} key=${key} path=${path} />
    ${help && html`<${KeysDialog} onClose=${() => setHelp(false)} />`}`;
}

function App() {
  const { path } = useAddress();
  return html`<${SessionProvider}>
    ${path === '/login' ? html`<${LoginPage} />` : html`<${Dashboard} />`}
    <${Notices} />
  <//>`;
}

startRouter();
const root = document.getElementById('app');
if (root) render(html`<${App} />`, root);
