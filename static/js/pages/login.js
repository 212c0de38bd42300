/** Logging in: with the address printed at the first start, or with a token. */
import { post } from '../api.js';
import { html, useEffect, useState } from '../html.js';
import { useTitle } from '../load.js';

/** Only places of ours may follow a login. */
function nextPlace() {
  const next = new URLSearchParams(location.search).get('next') ?? '/';
  return /^\/(?![/\\])/.test(next) ? next : '/';
}

export function LoginPage() {
  useTitle('Log in');
  const [token, setToken] = useState('');
  const [fault, setFault] = useState('');
  const [busy, setBusy] = useState(false);
  const login = async (given) => {
    setBusy(true);
    setFault('');
    try {
      await post('/api/v1/login', { token: given }, {});
      location.replace(nextPlace());
    } catch (problem) {
      setFault(problem instanceof Error ? problem.message : String(problem));
      setBusy(false);
    }
  };
  useEffect(() => {
    const useHash = () => {
      const given = decodeURIComponent(location.hash.slice(1));
      if (!given) return;
      // The token leaves the address before anything else, so that neither history nor a screenshot keeps it.
      history.replaceState(history.state, '', location.pathname + location.search);
      login(given);
    };
    useHash();
    addEventListener('hashchange', useHash);
    return () => removeEventListener('hashchange', useHash);
  }, []);
  return html`<main class="page login-page">
    <h1>Engram</h1>
    <form class="stack" onSubmit=${(event) => { event.preventDefault(); login(token.trim()); }}>
      ${/* Password managers file a password under a name. */ html`<input type="text" name="username" autocomplete="username" value="engram" hidden readonly />`}
      <label class="stacked">Token <input type="password" autocomplete="current-password" value=${token} onInput=${(event) => setToken(event.currentTarget.value)} autofocus required /></label>
      ${fault && html`<p class="fault" role="alert">${fault}</p>`}
      <button class="primary" disabled=${busy || token.trim() === ''}>${busy ? 'Logging in …' : 'Log in'}</button>
    </form>
    <p class="quiet">The first start of the server prints an address that logs you in. Later tokens come from <code>engram token create --role member --name NAME</code>.</p>
  </main>`;
}
