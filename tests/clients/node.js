// Owns: the published client in node, which lacks what a browser has around it. Prints what the scenario gives as JSON.
// Called as: node node.js SERVER_URL [TOKEN]

'use strict';

if (typeof globalThis.navigator === 'undefined') globalThis.navigator = { userAgent: 'node' };
globalThis.window = globalThis;
globalThis.document = { body: { addEventListener() {} } };
// The client says what it does on the console; standard output is for the outcome.
console.log = console.info = console.error;
// Its history of what was heard is kept in a browser's storage, which is not there.
process.on('unhandledRejection', (reason) => {
    if (!String(reason && reason.message).includes('No available storage method')) throw reason;
});

// There is no sound either: the library for it is replaced before the client asks for it.
class AudioContext {
    state = 'running';
}
require.cache[require.resolve('standardized-audio-context')] = { loaded: true, exports: { AudioContext } };

const { Roundware } = require('roundware-web-framework');
const { scenario } = require('./scenario.js');

const [serverUrl, token] = process.argv.slice(2);
scenario(Roundware, serverUrl, token).then(
    (outcome) => {
        process.stdout.write(JSON.stringify(outcome));
        process.exit(0);
    },
    (error) => {
        console.error(error);
        process.exit(1);
    },
);
