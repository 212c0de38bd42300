/** Calls to the API: JSON in and out, problems as errors, lists page by page. */

/** An answer that is not a success, as the server explains it (RFC 9457). */
export class Problem extends Error {
  /** @param {number} status @param {any} body */
  constructor(status, body) {
    super(body?.detail || body?.title || (status === 0 ? 'The server does not answer.' : `The server answered ${status}.`));
    this.status = status;
    /** @type {string} */
    this.title = body?.title ?? '';
    /** @type {import('./types.js').Fault[]} */
    this.errors = Array.isArray(body?.errors) ? body.errors : [];
  }
}

/** @typedef {{signal?: AbortSignal, anonymous?: boolean, idempotencyKey?: string}} CallOptions */

/** Leads to the login page and back to here afterwards. */
function askForLogin() {
  if (location.pathname === '/login') return;
  const here = location.pathname + location.search;
  location.assign(`/login?next=${encodeURIComponent(here)}`);
}

/**
 * One call. A 401 leads to the login page unless `anonymous`.
 * @param {string} method @param {string} path absolute path with query @param {any} [body] sent as JSON
 * @param {CallOptions} [options] @returns {Promise<any>} the parsed answer; `null` for an empty one. Throws {@link Problem}.
 */
export async function call(method, path, body, options = {}) {
  /** @type {Record<string, string>} */
  const headers = { accept: 'application/json' };
  if (body !== undefined) headers['content-type'] = 'application/json';
  if (options.idempotencyKey) headers['idempotency-key'] = options.idempotencyKey;
  let response;
  try {
    response = await fetch(path, {
      method,
      headers,
      signal: options.signal,
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: options.anonymous ? 'omit' : 'same-origin',
    });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new Problem(0, { detail: 'The server does not answer. Is it running?' });
  }
  const text = await response.text();
  let parsed = null;
  try {
    parsed = text === '' ? null : JSON.parse(text);
  } catch {
    if (response.ok) throw new Problem(response.status, { detail: 'The server answered something that is not JSON.' });
  }
  if (response.ok) return parsed;
  if (response.status === 401 && !options.anonymous) askForLogin();
  throw new Problem(response.status, parsed);
}

/** @param {string} path @param {CallOptions} [options] @returns {Promise<any>} */
export const get = (path, options) => call('GET', path, undefined, options);
/** @param {string} path @param {any} [body] @param {CallOptions} [options] @returns {Promise<any>} */
export const post = (path, body, options) => call('POST', path, body, options);

/**
 * All items of a list, page after page, up to `max`.
 * @param {string} path without cursor @param {{max?: number} & CallOptions} [options] @returns {Promise<any[]>}
 */
export async function getAll(path, { max = 5000, ...options } = {}) {
  const items = [];
  const join = path.includes('?') ? '&' : '?';
  let cursor = null;
  do {
    const at = cursor ? `&cursor=${encodeURIComponent(cursor)}` : '';
    const page = await get(`${path}${join}limit=500${at}`, options);
    items.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor && items.length < max);
  return items;
}

/** The address of a WebSocket for an absolute path. @param {string} path */
export function socketUrl(path) {
  return `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}${path}`;
}

/** A fresh key that makes a repeated write harmless; works on plain HTTP too, where `crypto.randomUUID` is missing. */
export function newIdempotencyKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** @type {Promise<import('./types.js').Card[]> | null} */
let catalogue = null;
/** The catalogue without schemas, asked for once. @returns {Promise<import('./types.js').Card[]>} */
export function getCatalogue() {
  catalogue ??= getAll('/api/v1/experiments?schemas=false').catch((error) => {
    catalogue = null;
    throw error;
  });
  return catalogue;
}

/** @type {Map<string, Promise<import('./types.js').Card>>} */
const cards = new Map();
/** One card with its schema, asked for once. @param {string} id @param {CallOptions} [options] @returns {Promise<import('./types.js').Card>} */
export function getCard(id, options) {
  let card = cards.get(id);
  if (!card) {
    card = get(`/api/v1/experiments/${encodeURIComponent(id)}`, options).catch((error) => {
      cards.delete(id);
      throw error;
    });
    cards.set(id, card);
  }
  return card;
}
