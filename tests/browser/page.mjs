// Goal: the page shows what the log holds, to everybody, and nothing of it harms. Method: a real browser looks at a
// service with some days of walks (`node page.mjs URL`, the browser by DIURNAL_BROWSER); what it shows is compared with
// the service's own answers. DIURNAL_TOKEN_URL and DIURNAL_TOKEN are a second service that asks for a token.

import { claim, end, ensure, equal, inaccessible, open, picture, until, watch } from './harness.mjs';
import { Service } from './service.mjs';

const url = process.argv[2].replace(/\/$/, '');
const tokenUrl = process.env.DIURNAL_TOKEN_URL?.replace(/\/$/, '');
const service = new Service(url);

const VIEWS = ['overview', 'sessions', 'map', 'tags', 'errors', 'clocks', 'health', 'store'];
const number = (value) => new Intl.NumberFormat('en').format(value);

const { context, close } = await open();
const page = context.pages()[0] ?? await context.newPage();
const wrongs = watch(page, [url, tokenUrl].filter(Boolean));

/** Nothing on the page is waited for any more. */
async function settled() {
  await page.waitForSelector('.panel');
  await until('nothing is loaded any more', () => page.evaluate(() => document.querySelectorAll('[aria-busy="true"], .waiting, .old').length === 0
    && document.querySelectorAll('.panel').length > 0));
}

async function visit(path) {
  await page.goto(url + '/#/' + path);
  await settled();
}

const tile = async (id) => (await page.locator('#' + id + ' .figure').textContent()).replaceAll(',', '');
const hash = () => page.evaluate(() => location.hash);
const parameters = async () => new URLSearchParams((await hash()).split('?')[1] ?? '');

async function firstTag() {
  return (await service.counts('tag'))[0].key;
}

await page.goto(url + '/');
await settled();

await claim('the overview shows the figures of the service', async () => {
  const [events, types] = [await service.count(), await service.counts('event_type')];
  const activity = await service.question('histogram', { bucket_micros: 86400e6 });
  equal(await tile('tile-events'), String(events), 'events');
  equal(await tile('tile-sessions'), String(activity.sessions), 'sessions');
  equal(await tile('tile-errors'), String(await service.count({ event_type: ['client_error'] })), 'errors');
  equal(await tile('tile-peak'), String(activity.peak.sessions), 'the most alive at once');
  const row = page.locator('.bar-row').first();
  equal(await row.locator('.said').textContent(), types[0].key, 'the most frequent type');
  equal(await row.locator('.count').textContent(), number(types[0].count), 'its count');
  equal(await page.locator('.chart canvas').count(), 2, 'charts');
  ensure(await page.locator('table:has(caption:text-is("Latest events")) tbody tr').count() > 5, 'the latest events are listed');
});

await claim('the chart is there as a table, with the same events', async () => {
  await page.locator('.alternative > summary').click();
  const cells = page.locator('table:has(caption:text-is("Events and sessions by bucket of time")) tbody tr td:nth-child(2)');
  // It is made when it is opened.
  await cells.first().waitFor();
  const found = (await cells.allTextContents()).reduce((sum, text) => sum + Number(text.replaceAll(',', '')), 0);
  equal(String(found), await tile('tile-events'), 'the sum of the buckets');
  await page.locator('.alternative > summary').click();
});

await claim('filters combine, live in the address, and back takes one off', async () => {
  const tag = await firstTag();
  await page.locator('.picker', { hasText: 'Type' }).click();
  await page.locator('.choices label', { hasText: 'modify_stream' }).locator('input').check();
  await page.keyboard.press('Escape');
  await until('the type is in the address', async () => (await parameters()).get('type') === 'modify_stream');
  await page.locator('.picker', { hasText: 'Tag' }).click();
  await page.getByLabel('Search for a tag').fill(tag);
  await page.locator('.choices label').filter({ has: page.locator('.said', { hasText: new RegExp('^' + tag + '$') }) }).locator('input').check();
  await page.keyboard.press('Escape');
  await settled();
  const both = { and: [{ event_type: ['modify_stream'] }, { any_tag: [tag] }] };
  await until('both filters hold', async () => await tile('tile-events') === String(await service.count(both)));
  equal((await parameters()).getAll('tag'), [tag], 'the tag in the address');
  const { bounds } = (await service.question('heatmap', { cell_metres: 2000 })).cells[0];
  await page.locator('.picker', { hasText: 'Area' }).click();
  for (const side of ['north', 'south', 'west', 'east']) await page.locator('#area-' + side).fill(String(bounds[side]));
  await page.locator('.sheet form button.primary').click();
  const box = async () => {
    const [west, south, east, north] = ((await parameters()).get('box') ?? '').split(',').map(Number);
    return { west, south, east, north };
  };
  await until('the area is in the address', async () => (await parameters()).has('box'));
  const three = { and: [...both.and, { bounding_box: await box() }] };
  await until('all three hold', async () => await tile('tile-events') === String(await service.count(three)));
  equal(await page.locator('.chips .remove').count(), 3, 'filters that can be removed');
  await page.reload();
  await settled();
  equal(await tile('tile-events'), String(await service.count(three)), 'events after a reload');
  await page.goBack();
  await until('the area is gone', async () => await tile('tile-events') === String(await service.count(both)));
  await page.goForward();
  await until('the area is back', async () => await tile('tile-events') === String(await service.count(three)));
  await page.getByRole('button', { name: 'Clear all' }).click();
  await until('no filter is left', async () => await hash() === '#/overview' && await tile('tile-events') === String(await service.count()));
});

await claim('filters stay from view to view', async () => {
  await visit('overview?type=heartbeat');
  await page.locator('#views a', { hasText: 'Sessions' }).click();
  await settled();
  equal(await hash(), '#/sessions?type=heartbeat', 'the address');
  equal(await tile('tile-sessions'), String((await service.question('sessions', { filter: { event_type: ['heartbeat'] }, limit: 1 })).totals.sessions), 'sessions');
});

async function ofAddress() {
  const found = await parameters();
  return { server_time: { from: found.get('from'), to: found.get('to') } };
}

await claim('a brush over the chart narrows to what it covers', async () => {
  await visit('overview');
  const all = Number(await tile('tile-events'));
  const area = await page.locator('.chart .u-over').first().boundingBox();
  await page.mouse.move(area.x + area.width * 0.2, area.y + 60);
  await page.mouse.down();
  await page.mouse.move(area.x + area.width * 0.35, area.y + 60, { steps: 5 });
  await page.mouse.move(area.x + area.width * 0.5, area.y + 60, { steps: 5 });
  await page.mouse.up();
  await until('the stretch is in the address', async () => (await parameters()).has('from'));
  await settled();
  const found = Number(await tile('tile-events'));
  ensure(found > 0 && found < all, 'fewer than ' + all + ': ' + found);
  equal(found, await service.count(await ofAddress()), 'events');
  await page.goBack();
  await until('all are back', async () => Number(await tile('tile-events')) === all);
});

await claim('the keyboard selects on the chart, too', async () => {
  await visit('overview');
  const all = Number(await tile('tile-events'));
  await page.locator('.plot').first().focus();
  await page.keyboard.press('Home');
  await until('a bucket is read out', async () => /event/.test(await page.locator('#status').textContent()));
  for (let n = 0; n < 3; n += 1) await page.keyboard.press('Shift+ArrowRight');
  await page.keyboard.press('Enter');
  await until('the stretch is in the address', async () => (await parameters()).has('from'));
  await settled();
  const found = Number(await tile('tile-events'));
  ensure(found > 0 && found < all, 'fewer than ' + all + ': ' + found);
  equal(found, await service.count(await ofAddress()), 'events');
});

await claim('sessions are listed, sorted and paged as the service has them', async () => {
  await visit('sessions');
  const ids = async () => page.locator('tbody tr th .said').allTextContents();
  const expected = async (body) => (await service.question('sessions', body)).sessions.map((one) => one.id);
  equal(await ids(), (await expected({ sort: 'last', order: 'desc', limit: 50 })), 'the latest first');
  await page.getByRole('button', { name: 'Events', exact: true }).click();
  const byEvents = await expected({ sort: 'events', order: 'desc', limit: 100 });
  await until('they are sorted by events', async () => JSON.stringify(await ids()) === JSON.stringify(byEvents.slice(0, 50)));
  equal(await page.locator('th[aria-sort="descending"]').textContent(), 'Events▼', 'the column that is sorted by');
  if (byEvents.length > 50) {
    await page.getByRole('button', { name: 'Next' }).click();
    await until('the second page is there', async () => JSON.stringify(await ids()) === JSON.stringify(byEvents.slice(50, 100)));
    equal((await parameters()).get('page'), '2', 'the page in the address');
  }
});

await claim('a session is shown whole', async () => {
  const [one] = (await service.question('sessions', { sort: 'points', order: 'desc', limit: 1 })).sessions;
  await visit('sessions?sort=points');
  await page.goto(url + '/#/session/' + encodeURIComponent(one.id));
  await settled();
  ensure((await page.locator('h1').textContent()).includes(one.id), 'the heading names it');
  const fact = (name) => page.locator('.facts > div').filter({ has: page.locator('dt', { hasText: new RegExp('^' + name + '$') }) }).locator('dd').first().textContent();
  equal(await fact('Events'), number(one.events), 'events');
  equal(await fact('Actions'), number(one.actions), 'actions');
  await until('its way is drawn', () => page.locator('.map canvas').count());
  equal(await page.locator('.way-end').count(), 2, 'where the way begins and ends');
  const types = (await service.question('session', { id: one.id })).by_type.length;
  equal(await page.locator('.lanes li').count(), Math.min(14, types), 'lanes of the timeline');
  equal(await page.locator('table:has(caption:text-is("Events of the session, the earliest first")) tbody tr').count(), Math.min(100, one.events), 'events listed');
});

await claim('an area drawn on the map filters by it', async () => {
  await visit('map');
  await until('there are cells', () => page.locator('.legend li').count());
  const all = (await service.question('heatmap', { cell_metres: 1000 })).events;
  await page.getByRole('button', { name: 'Draw an area' }).click();
  const map = await page.locator('.map').boundingBox();
  await page.mouse.move(map.x + map.width * 0.25, map.y + map.height * 0.25);
  await page.mouse.down();
  await page.mouse.move(map.x + map.width * 0.45, map.y + map.height * 0.5, { steps: 4 });
  await page.mouse.move(map.x + map.width * 0.6, map.y + map.height * 0.7, { steps: 4 });
  await page.mouse.up();
  await until('the area is in the address', async () => (await parameters()).has('box'));
  await settled();
  const [west, south, east, north] = (await parameters()).get('box').split(',').map(Number);
  const within = await service.count({ bounding_box: { west, south, east, north } });
  ensure(within < all, 'fewer events lie within than in all');
  await page.locator('#views a', { hasText: 'Overview' }).click();
  await settled();
  equal(await tile('tile-events'), String(within), 'events of the area');
});

await claim('every other view shows the figures of the service', async () => {
  await visit('tags');
  const tags = await service.question('tags', { limit: 200 });
  equal(await tile('tile-choices'), String(tags.choices), 'choices');
  equal(await page.locator('tbody tr').count(), tags.tags.length, 'tags listed');
  await visit('errors');
  const errors = await service.question('errors');
  equal(await tile('tile-errors'), String(errors.count), 'errors');
  equal(await page.locator('table.errors tbody tr').count(), errors.groups.length, 'messages');
  await visit('clocks');
  equal(await tile('tile-clocks'), String((await service.question('skew')).sessions_total), 'sessions with a clock');
  await visit('health');
  equal(await tile('tile-health-sessions'), String((await service.question('health')).total.sessions), 'sessions');
  await visit('store');
  equal(await tile('tile-store-events'), String((await service.store()).info.events), 'events of the store');
});

const walker = (await service.question('sessions', { sort: 'points', order: 'desc', limit: 1 })).sessions[0].id;
const LOOKS = [['desktop', 1280, 900], ['phone', 360, 740], ['kiosk', 1920, 1080]];

for (const [look, width, height] of LOOKS) {
  for (const scheme of ['light', 'dark']) {
    await claim('axe finds nothing serious, and nothing is wider than the page: ' + look + ', ' + scheme, async () => {
      await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
      await page.setViewportSize({ width, height });
      for (const view of [...VIEWS, 'session/' + encodeURIComponent(walker)]) {
        await visit(view);
        await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
        await picture(page, [view.split('/')[0], look, scheme].join('-'), { fullPage: view !== 'map' });
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        ensure(wide <= 0, view + ' is ' + wide + ' pixels too wide');
        if (look === 'kiosk') continue;
        equal(await inaccessible(page), [], 'what axe finds in ' + view);
      }
    });
  }
}

await claim('sheets of filters can be used on a phone', async () => {
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize({ width: 360, height: 740 });
  await visit('overview?range=30d');
  await page.reload();
  await settled();
  await page.locator('.fold > summary').click();
  for (const name of ['Time', 'Type', 'Tag', 'Area']) {
    await page.locator('.picker', { hasText: name }).first().click();
    await page.locator('.sheet:not([hidden])').waitFor();
    await new Promise((done) => setTimeout(done, 300));
    await picture(page, 'sheet-' + name.toLowerCase() + '-phone');
    equal(await inaccessible(page), [], 'what axe finds in ' + name);
    ensure(await page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth), name + ' is wider than the page');
    await page.keyboard.press('Escape');
  }
});

await page.setViewportSize({ width: 1280, height: 900 });

await claim('live events appear without a reload, and a pause holds them back', async () => {
  await visit('overview');
  await until('the stream is open', () => page.evaluate(() => document.body.dataset.live === 'open'));
  const before = Number(await tile('tile-events'));
  await service.log([{ session_id: 'visitor-1', event_type: 'start_session' }, { session_id: 'visitor-1', event_type: 'modify_stream', tags: ['sea'] }]);
  await until('they are listed', () => page.locator('.said', { hasText: 'visitor-1' }).count());
  await until('they are counted', async () => Number(await tile('tile-events')) === before + 2);
  await until('it is alive', async () => await tile('tile-alive') === '1');
  await page.getByRole('button', { name: 'Follow live events' }).click();
  await until('it is paused', () => page.evaluate(() => document.body.dataset.live === 'paused'));
  await service.log([{ session_id: 'visitor-2', event_type: 'start_session' }]);
  await new Promise((done) => setTimeout(done, 3000));
  equal(await page.locator('.said', { hasText: 'visitor-2' }).count(), 0, 'what came while paused');
  await page.getByRole('button', { name: 'Follow live events' }).click();
  await until('it is counted after the pause', async () => Number(await tile('tile-events')) === before + 3);
});

const EVIL = '<img src=x onerror="window.harmed=1">';
const HOSTILE = [
  { session_id: EVIL, event_type: '<script>window.harmed=1</script>', tags: ['"><svg onload=window.harmed=1>', '{{7*7}}'], data: "<iframe srcdoc='<script>parent.harmed=1</script>'>", latitude: 48.2, longitude: 16.37 },
  { session_id: EVIL, event_type: 'modify_stream', tags: ['</td><b id=made>x</b>'], client_time: '2026-01-01T00:00:00Z', latitude: 48.201, longitude: 16.371 },
  { session_id: EVIL, event_type: 'client_error', data: "</script><script>window.harmed=1</script> ' onmouseover='window.harmed=1", latitude: 48.202, longitude: 16.372 },
  { session_id: 'javascript:window.harmed=1', event_type: 'client_error', data: '\u202Egnp.exe\u0000\u0007' + '<b>'.repeat(2000) },
  { session_id: '../../../?a=b&c=d#/store%2F%00', event_type: 'heartbeat' },
  { session_id: '__proto__', event_type: 'constructor', tags: ['__proto__', 'toString'] },
];

await claim('what clients send is shown as text, and nothing of it runs', async () => {
  await visit('overview');
  await until('the stream is open', () => page.evaluate(() => document.body.dataset.live === 'open'));
  await service.log(HOSTILE);
  await until('it is listed', () => page.locator('.said', { hasText: EVIL }).count());
  const harmless = async (where) => {
    await page.mouse.move(600, 500);
    const found = await page.evaluate(() => [window.harmed ?? null, document.querySelectorAll('main iframe, main script, main b, #made, main img').length]);
    equal(found, [null, 0], 'harm at ' + where);
  };
  for (const view of VIEWS) {
    await visit(view);
    await harmless(view);
  }
  for (const id of new Set(HOSTILE.map((event) => event.session_id))) {
    await visit('overview');
    await page.goto(url + '/#/session/' + encodeURIComponent(id));
    await settled();
    ensure((await page.locator('h1').textContent()).includes(id.slice(0, 20)), 'the page of ' + id);
    ensure(!/[\u0000-\u0008\u202e]/.test(await page.locator('main').textContent()), 'signs that show nothing are shown');
    equal(await page.locator('.facts dt', { hasText: 'Events' }).count(), 1, 'figures of ' + id);
    await harmless('the session ' + id);
  }
  await visit('overview?type=' + encodeURIComponent(HOSTILE[0].event_type) + '&tag=' + encodeURIComponent(HOSTILE[0].tags[0]));
  await harmless('a filter');
  equal(await tile('tile-events'), '1', 'events of the hostile type');
  await page.locator('.picker', { hasText: 'Type' }).click();
  await until('types are offered', () => page.locator('.choices .said').count());
  await harmless('the types that are offered');
  await page.keyboard.press('Escape');
});

await claim('an address that says nonsense is read as far as it makes sense', async () => {
  for (const nonsense of ['nowhere', 'session/', 'overview?from=never&to=1&box=1,2,3&page=-4&type=', 'sessions?sort=%00&order=up&page=99999', 'overview?box=NaN,0,0,0&range=9y', 'session/%E0%A4%A']) {
    await page.goto(url + '/#/' + nonsense);
    await settled();
    equal(await page.locator('h1').count(), 1, 'headings at ' + nonsense);
  }
});

await claim('empty answers and refusals are told in words', async () => {
  await visit('overview?type=never_seen');
  await until('nothing is found', () => page.getByText('No event passes these filters.').count());
  await page.getByRole('button', { name: 'Clear the filters' }).click();
  await until('the filter is off', async () => await hash() === '#/overview');
  await page.goto(url + '/#/session/nobody');
  await settled();
  ensure(await page.getByText('The log has no event of a session with this id.').count(), 'an unknown session');
  await page.route('**/v1/questions/tags*', (route) => route.fulfill({ status: 400, contentType: 'application/json', body: '{"error":{"kind":"invalid_input","message":"limit: must be <b>less</b>"}}' }));
  await page.goto(url + '/#/tags');
  await until('the refusal is told', () => page.getByRole('alert').getByText('limit: must be <b>less</b>').count());
  await page.unroute('**/v1/questions/tags*');
  await page.getByRole('button', { name: 'Try again' }).click();
  await until('it is there again', () => page.locator('#tile-choices').count());
  wrongs.splice(0, wrongs.length, ...wrongs.filter((wrong) => !/status of 400/.test(wrong)));
});

await claim('the keyboard reaches everything', async () => {
  for (const view of ['overview', 'sessions', 'map', 'errors']) {
    await visit(view);
    await page.getByRole('button', { name: 'Follow live events' }).click();
    await until('it is paused', () => page.evaluate(() => document.body.dataset.live === 'paused'));
    await settled();
    const wanted = await page.evaluate(() => {
      const all = [...document.querySelectorAll('a[href], button, input, select, summary, [tabindex="0"]')];
      const seen = all.filter((one) => !one.disabled && one.checkVisibility({ visibilityProperty: true }) && !one.closest('details:not([open]) > :not(summary)'));
      seen.forEach((one, place) => { one.dataset.place = String(place); });
      document.activeElement?.blur();
      return seen.length;
    });
    const reached = new Set();
    await page.evaluate(() => document.getElementById('skip').focus());
    for (let step = 0; step <= wanted + 5; step += 1) {
      const place = await page.evaluate(() => {
        const one = document.activeElement;
        const outline = getComputedStyle(one);
        return one.dataset.place === undefined ? null : [one.dataset.place, outline.outlineStyle !== 'none' && outline.outlineWidth !== '0px'];
      });
      if (place) {
        reached.add(place[0]);
        if (!place[1] && step > 0) throw new Error('the focus is not seen at ' + view + ' ' + await page.evaluate(() => document.activeElement.outerHTML.slice(0, 200)));
      }
      await page.keyboard.press('Tab');
    }
    const missed = await page.evaluate((seen) => [...document.querySelectorAll('[data-place]')].filter((one) => !seen.includes(one.dataset.place)).map((one) => one.outerHTML.slice(0, 120)), [...reached]);
    equal(missed, [], 'not reached at ' + view);
    await page.getByRole('button', { name: 'Follow live events' }).click();
  }
  await visit('overview');
  await page.evaluate(() => document.getElementById('skip').focus());
  await page.keyboard.press('Enter');
  equal(await page.evaluate(() => document.activeElement.id), 'main', 'where the skip link leads');
});

await claim('times follow the switch of the zone', async () => {
  await visit('overview');
  const first = () => page.locator('table:has(caption:text-is("Latest events")) time').first();
  const [local, at] = [await first().textContent(), await first().getAttribute('datetime')];
  await page.locator('select[name="zone"]').selectOption('utc');
  await settled();
  equal(await first().textContent(), at.slice(0, 19).replace('T', ' '), 'the time in UTC');
  ensure(local !== await first().textContent(), 'Vienna is not UTC');
  await page.locator('select[name="zone"]').selectOption('local');
  await settled();
});

if (tokenUrl) {
  await claim('a log that asks for a token is asked with it, once', async () => {
    await page.goto(tokenUrl + '/');
    await page.locator('#token').waitFor();
    await picture(page, 'token');
    await page.locator('#token').fill('wrong');
    await page.keyboard.press('Enter');
    await page.getByText('The token was refused.').waitFor();
    await page.locator('#token').fill(process.env.DIURNAL_TOKEN);
    await page.keyboard.press('Enter');
    await settled();
    const asked = new Service(tokenUrl, process.env.DIURNAL_TOKEN);
    equal(await tile('tile-events'), String(await asked.count()), 'events');
    await until('the stream is open', () => page.evaluate(() => document.body.dataset.live === 'open'));
    await page.reload();
    await settled();
    equal(await page.locator('dialog').count(), 0, 'questions after a reload');
    ensure(!(await page.evaluate(() => document.cookie + location.href)).includes(process.env.DIURNAL_TOKEN), 'the token is in no address');
  });
}

await claim('no request left the origin, and the console has no error', async () => {
  equal(wrongs, [], 'wrongs');
});

await close();
end();
