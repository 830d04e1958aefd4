// Owns: calls of the service: JSON there and back, the read token, errors in words, waiting where the service asks for it.
// Does not own the stream of live events (`live.js`), nor how a token is asked for (`token.js`).

import { askToken } from './token.js';

/** Where the service is: this file is one folder below it. */
const BASE = new URL('../', import.meta.url);

/** Tries in all, where the service is busy. */
const TRIES_MAX = 4;

/** The longest wait between two of them, in milliseconds. */
const WAIT_MAX = 10000;

/** What a service or the way to it says instead of an answer. */
export class Refusal extends Error {
  constructor(status, kind, message) {
    super(message);
    this.status = status;
    this.kind = kind;
  }
}

let token = null;
try {
  token = sessionStorage.getItem('diurnal.token');
} catch {
  // A browser that keeps nothing asks again at the next visit.
}

function keep(given) {
  token = given;
  try {
    sessionStorage.setItem('diurnal.token', given);
  } catch {
    // As above.
  }
}

const sleep = (ms, signal) => new Promise((done, failed) => {
  const timer = setTimeout(done, ms);
  signal?.addEventListener('abort', () => {
    clearTimeout(timer);
    failed(signal.reason);
  }, { once: true });
});

async function refusal(answer) {
  let told = null;
  try {
    told = (await answer.json()).error;
  } catch {
    // Not all that stand between speak JSON.
  }
  return new Refusal(answer.status, told?.kind ?? 'http', told?.message ?? 'The service answered ' + answer.status + '.');
}

/** An answer of the service, whatever it is made of, once it is one. */
export async function call(path, { method = 'GET', body, headers = {}, signal } = {}) {
  for (let tries = 1; ; tries += 1) {
    const sent = { ...headers };
    const used = token;
    if (used) sent.authorization = 'Bearer ' + used;
    if (body !== undefined) sent['content-type'] = 'application/json';
    let answer;
    try {
      answer = await fetch(new URL(path, BASE), { method, headers: sent, signal, cache: 'no-store',
        credentials: 'same-origin', body: body === undefined ? undefined : JSON.stringify(body) });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new Refusal(0, 'unreachable', 'The service cannot be reached.');
    }
    if (answer.ok) return answer;
    const refused = await refusal(answer);
    // Without a token, 403 tells of something that no token mends.
    if (answer.status === 401 || (answer.status === 403 && used !== null)) {
      if (token === used) keep(await askToken(used !== null));
      signal?.throwIfAborted();
      continue;
    }
    if ((answer.status !== 429 && answer.status !== 503) || tries === TRIES_MAX) throw refused;
    const asked = Number(answer.headers.get('retry-after'));
    await sleep(Math.min(WAIT_MAX, Number.isFinite(asked) && asked > 0 ? asked * 1000 : 500 * tries), signal);
  }
}

async function json(path, options) {
  return (await call(path, options)).json();
}

/** An answer, with the days that could not be read beside it. */
async function withGaps(path, body, signal) {
  const { found, gaps } = await json(path + '?allow_gaps=true', { method: 'POST', body, signal });
  return { found, gaps: gaps ?? [] };
}

export const question = (name, body, signal) => withGaps('v1/questions/' + name, body, signal);

export const count = (body, signal) => withGaps('v1/count', body, signal);

export const store = (signal) => json('v1/store', { signal });

export const event = (id, signal) => json('v1/events/' + encodeURIComponent(id), { signal });

/** Whether the service is ready to be asked. */
export async function ready(signal) {
  try {
    const answer = await fetch(new URL('readyz', BASE), { signal, cache: 'no-store' });
    return answer.ok;
  } catch (error) {
    if (signal?.aborted) throw error;
    return false;
  }
}

/** Events, at most as many as the limit that a query must have here. */
export async function query(body, signal) {
  const answer = await call('v1/query?allow_gaps=true', { method: 'POST', body, signal });
  const lines = (await answer.text()).split('\n').filter((line) => line !== '').map((line) => JSON.parse(line));
  const failed = lines.find((line) => line.id === undefined && line.error);
  if (failed) throw new Refusal(200, failed.error.kind, failed.error.message);
  const gaps = lines.flatMap((line) => (line.id === undefined && line.gaps ? line.gaps : []));
  return { found: lines.filter((line) => line.id !== undefined), gaps };
}
