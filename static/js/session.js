/** Who is looking, and what they may do. */
import { get } from './api.js';
import { createContext, html, useContext, useEffect, useState } from './html.js';

const Session = createContext(/** @type {import('./types.js').Me | null} */ (null));

/** @param {{children?: any}} props */
export function SessionProvider({ children }) {
  const [me, setMe] = useState(/** @type {import('./types.js').Me | null} */ (null));
  useEffect(() => {
    if (location.pathname !== '/login') get('/api/v1/me').then(setMe, () => {});
  }, []);
  return html`<${Session.Provider} value=${me}>${children}<//>`;
}

/** @returns {import('./types.js').Me | null} `null` until it is known */
export const useMe = () => useContext(Session);

/** @returns {boolean} whether runs may be made and steered; assumed until the role is known, so that nothing jumps */
export function useCanWrite() {
  const me = useMe();
  return me === null || me.role === 'admin' || me.role === 'member';
}
