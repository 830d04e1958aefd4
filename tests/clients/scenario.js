// Owns: what the published client of Roundware is made to do, in node and in a browser alike, by its public calls alone.
// Does not own how it is loaded (node.js, page.html) nor what is expected of it (tests/it/clients.rs).

'use strict';

// Tries, 10 ms apart, for what the client does without telling when it is done.
const TRIES = 3000;

async function until(isSo) {
    for (let number = 0; number < TRIES && !isSo(); number += 1) {
        await new Promise((resolve) => setTimeout(resolve, 10));
    }
    if (!isSo()) throw new Error('the client has not come to it');
}

async function scenario(Roundware, serverUrl, token) {
    const roundware = new Roundware(window, {
        serverUrl,
        projectId: 1,
        deviceId: '00000000000000',
        clientType: 'web',
        geoListenMode: 0,
        listenerLocation: { latitude: 1, longitude: 1 },
    });
    if (token) roundware.apiClient.authToken = token;
    const { uiConfig } = await roundware.connect();
    const events = roundware.events;
    const chosen = await events.logEvent('modify_stream', { tag_ids: '3,8', latitude: 42.36, longitude: -71.06 });
    roundware.updateLocation({ latitude: 42.37, longitude: -71.05 });
    const error = await events.logEvent('client_error', { data: 'no sound: "Größe" & <b>' });
    await events.logAssetStart(17);
    await until(() => 17 in events._startedAssets);
    const heard = await events.logAssetEnd(17);
    return {
        session: roundware._sessionId,
        user: roundware.user.userName,
        uiConfig,
        speakers: roundware.speakers(),
        pool: (await roundware.getAssets()).length,
        chosen,
        error,
        heard,
    };
}

if (typeof module !== 'undefined') module.exports = { scenario };
