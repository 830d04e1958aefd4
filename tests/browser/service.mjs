// Owns: asking the service beside the page, so that what the page shows can be compared.

export class Service {
  constructor(url, token) {
    this.url = url.replace(/\/$/, '');
    this.headers = token ? { authorization: 'Bearer ' + token } : {};
  }

  async post(path, body) {
    const answer = await fetch(this.url + path, { method: 'POST', headers: { ...this.headers, 'content-type': 'application/json' }, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(path + ' answered ' + answer.status + ' ' + (await answer.text()));
    const found = await answer.json();
    return found.found ?? found;
  }

  question(name, body = {}) {
    return this.post('/v1/questions/' + name, body);
  }

  async count(filter = 'all') {
    return (await this.post('/v1/count', { filter })).count;
  }

  async counts(by, filter = 'all') {
    return (await this.post('/v1/count', { filter, by })).counts;
  }

  async store() {
    return (await fetch(this.url + '/v1/store', { headers: this.headers })).json();
  }

  async log(events) {
    const body = events.map((event) => JSON.stringify(event)).join('\n');
    const answer = await fetch(this.url + '/v1/events', { method: 'POST', headers: { ...this.headers, 'content-type': 'application/x-ndjson' }, body });
    const text = await answer.text();
    if (!answer.ok || text.includes('"error"')) throw new Error('/v1/events answered ' + answer.status + ' ' + text);
  }
}
