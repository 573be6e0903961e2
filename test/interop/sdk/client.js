// An unmodified matrix-js-sdk client of the bridge. Commands come as lines of JSON on standard input; what the client
// learns goes out as lines of JSON on standard output.
import { createInterface } from 'node:readline';
import { ClientEvent, createClient, UserEvent } from 'matrix-js-sdk';

// The SDK logs to standard output, which is for the answers.
console.log = console.info = console.debug = console.warn = console.error;
const { BASE_URL: baseUrl, ACCESS_TOKEN: accessToken, USER_ID: userId } = process.env;
const tell = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

const client = createClient({ baseUrl, accessToken, userId });
client.on(ClientEvent.Sync, (state) => tell({ sync: state }));
client.on(UserEvent.Presence, (_event, user) =>
  tell({ user: user.userId, presence: user.presence, status: user.presenceStatusMsg ?? null }),
);

const commands = {
  start: () => client.startClient({ pollTimeout: 5000 }),
  setPresence: (options) => client.setPresence(options),
  getPresence: (id) => client.getPresence(id),
  whoami: () => client.whoami(),
};

for await (const line of createInterface({ input: process.stdin })) {
  const [name, argument] = JSON.parse(line);
  try {
    tell({ done: name, result: await commands[name](argument) });
  } catch (error) {
    tell({ failed: name, error: String(error) });
  }
}
