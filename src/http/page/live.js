// Owns: the stream of live events: reading it, resuming it after a pause of the network, and stopping it. Events are
// handed on batch by batch, and none is kept here.

import { call } from './api.js';

/** The first wait after a break, which doubles up to the longest, in milliseconds. */
const WAIT_MIN = 1000;
const WAIT_MAX = 30000;

/** After so long a break only what is new is asked for: what was missed is in the figures. */
const RESUME_MAX = 60000;

/** The longest line that is waited for; a longer one breaks the stream. */
const LINE_CHARS_MAX = 64 * 1024 * 1024;

/** Follows the events that a filter lets through until the signal says stop. */
export function follow(filter, { onevents, onstate, signal }) {
  let position = null;
  let last = Date.now();
  let wait = WAIT_MIN;

  function take(frame) {
    let kind = 'message';
    let id = null;
    const data = [];
    for (const line of frame.split(/\r?\n/)) {
      if (line.startsWith('event:')) kind = line.slice(6).trim();
      else if (line.startsWith('id:')) id = line.slice(3).trim();
      else if (line.startsWith('data:')) data.push(line.slice(5).replace(/^ /, ''));
    }
    last = Date.now();
    if (id) position = id;
    if (kind === 'events' && data.length) onevents(JSON.parse(data.join('\n')));
    if (kind === 'gap') onstate('gap');
  }

  async function read(answer) {
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      text += value;
      if (text.length > LINE_CHARS_MAX) throw new Error('a line is too long');
      const frames = text.split(/\r?\n\r?\n/);
      text = frames.pop();
      frames.forEach(take);
    }
  }

  async function run() {
    while (!signal.aborted) {
      const resumes = position !== null && Date.now() - last < RESUME_MAX;
      const search = new URLSearchParams({ filter: JSON.stringify(filter) });
      const headers = { accept: 'text/event-stream' };
      if (resumes) headers['last-event-id'] = position;
      try {
        const answer = await call('v1/live?' + search, { headers, signal });
        onstate('open', resumes);
        wait = WAIT_MIN;
        await read(answer);
      } catch {
        // A break of whatever kind is followed by another try.
      }
      if (signal.aborted) return;
      onstate('broken');
      await new Promise((done) => setTimeout(done, wait));
      wait = Math.min(WAIT_MAX, wait * 2);
    }
  }

  run();
}
