/** A readable page of the API: every call of the OpenAPI document with its parameters, bodies and answers. */
import { get } from './api.js';
import { html, render, useEffect, useState } from './html.js';
import { ThemeSwitch } from './theme_switch.js';

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];

/** @param {any} schema @param {any} root */
const resolved = (schema, root) =>
  typeof schema?.$ref === 'string' ? (schema.$ref.slice(2).split('/').reduce((node, part) => node?.[part], root) ?? {}) : (schema ?? {});

/** A description with its `code` marked as such. @param {string | undefined} text */
const prose = (text) => (text ?? '').split('`').map((part, index) => (index % 2 === 1 ? html`<code>${part}</code>` : part));

/** A type in one line. @param {any} schema @returns {string} */
function typeText(schema) {
  if (!schema) return 'any';
  if (schema.$ref) return schema.$ref.split('/').pop();
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  const options = schema.oneOf ?? schema.anyOf;
  if (options) return options.map(typeText).join(' | ');
  if (schema.allOf) return schema.allOf.map(typeText).join(' & ');
  if (schema.type === 'array') return `[${typeText(schema.items)}]`;
  const type = Array.isArray(schema.type) ? schema.type.join(' | ') : (schema.type ?? 'any');
  const range = [schema.minimum !== undefined ? `≥ ${schema.minimum}` : '', schema.maximum !== undefined ? `≤ ${schema.maximum}` : ''].filter(Boolean).join(', ');
  return [type, schema.format, range].filter(Boolean).join(', ');
}

/** @param {{schema: any, root: any, depth?: number}} props */
function SchemaTable({ schema, root, depth = 0 }) {
  const flat = resolved(schema, root);
  const parts = flat.allOf ? flat.allOf.map((part) => resolved(part, root)) : [flat];
  const properties = Object.entries(Object.assign({}, ...parts.map((part) => part.properties ?? {})));
  const required = parts.flatMap((part) => part.required ?? []);
  if (properties.length === 0) return html`<p><code>${typeText(flat)}</code> ${prose(flat.description)}</p>`;
  return html`<table class="data keys"><tbody>
    ${properties.map(([name, property]) => {
      const inner = resolved(property.type === 'array' ? property.items : property, root);
      return html`<tr key=${name}><th scope="row"><code>${name}</code>${required.includes(name) ? html`<span class="fault" title="required">*</span>` : ''}</th>
        <td><code class="quiet">${typeText(property)}</code><br />${prose(property.description)}
          ${depth < 2 && inner.properties && html`<details><summary class="quiet">fields</summary><${SchemaTable} schema=${inner} root=${root} depth=${depth + 1} /></details>`}</td></tr>`;
    })}
  </tbody></table>`;
}

/** @param {{content: any, root: any}} props */
function Content({ content, root }) {
  return Object.entries(content ?? {}).map(([media, { schema }]) => html`<p class="quiet">${media}</p>${schema && html`<${SchemaTable} schema=${schema} root=${root} />`}`);
}

/** @param {{method: string, path: string, operation: any, shared: any[], root: any}} props */
function Operation({ method, path, operation, shared, root }) {
  const parameters = [...shared, ...(operation.parameters ?? [])].map((parameter) => resolved(parameter, root));
  const body = operation.requestBody && resolved(operation.requestBody, root);
  const [summary, ...rest] = (operation.summary ? [operation.summary, operation.description ?? ''] : (operation.description ?? '').split('\n\n'));
  return html`<details class="operation" id=${`${method}${path}`}>
    <summary><span class="method">${method.toUpperCase()}</span> <code>${path}</code> <span class="quiet">${prose(summary)}</span></summary>
    ${rest.filter(Boolean).map((text) => html`<p>${prose(text)}</p>`)}
    ${parameters.length > 0 && html`<h4>Parameters</h4><table class="data keys"><tbody>
      ${parameters.map((parameter) => html`<tr key=${parameter.name}><th scope="row"><code>${parameter.name}</code> <span class="quiet">${parameter.in}</span></th><td><code class="quiet">${typeText(parameter.schema)}</code><br />${prose(parameter.description)}</td></tr>`)}
    </tbody></table>`}
    ${body && html`<h4>Body</h4><${Content} content=${body.content} root=${root} />`}
    <h4>Answers</h4>
    ${Object.entries(operation.responses ?? {}).map(([status, answer]) => {
      const response = resolved(answer, root);
      return html`<details class="answer" key=${status}><summary><b class="number">${status}</b> ${prose(response.description)}</summary><${Content} content=${response.content} root=${root} /></details>`;
    })}
  </details>`;
}

function Docs() {
  const [root, setRoot] = useState(/** @type {any} */ (null));
  const [error, setError] = useState('');
  const [wanted, setWanted] = useState('');
  useEffect(() => {
    get('/api/v1/openapi.json').then(setRoot, (problem) => setError(problem.message));
  }, []);
  const operations = Object.entries(root?.paths ?? {}).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).map((method) => ({ method, path, operation: item[method], shared: item.parameters ?? [] })),
  );
  const needle = wanted.toLowerCase();
  const shown = operations.filter(({ method, path, operation }) => `${method} ${path} ${operation.summary} ${operation.description}`.toLowerCase().includes(needle));
  const tagOf = ({ path, operation }) => operation.tags?.[0] ?? path.split('/').find((part) => part && part !== 'api' && part !== 'v1') ?? '';
  const tags = [...new Set(shown.map(tagOf))];
  return html`<header class="bar-top"><a class="brand" href="/">Engram</a><span class="quiet">API</span><span class="counts"></span><${ThemeSwitch} /></header>
    <main class="page docs">
      <div class="page-head"><h1>${root?.info?.title ?? 'API'} <span class="quiet">${root?.info?.version ?? ''}</span></h1>
        <input type="search" placeholder="Filter calls" aria-label="Filter calls" value=${wanted} onInput=${(event) => setWanted(event.currentTarget.value)} /></div>
      <p class="lead">${root?.info?.description} The same as a document: <a href="/api/v1/openapi.json">openapi.json</a></p>
      ${error && html`<p class="fault">${error}</p>`}
      ${tags.map((tag) => html`<section key=${tag}><h2>${tag}</h2>${shown.filter((one) => tagOf(one) === tag).map((one) => html`<${Operation} key=${one.method + one.path} ...${one} root=${root} />`)}</section>`)}
    </main>`;
}

const root = document.getElementById('app');
if (root) render(html`<${Docs} />`, root);
