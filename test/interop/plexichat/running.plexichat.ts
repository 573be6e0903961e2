import { besideServer } from './suite.ts';
import { targetOf } from './target.ts';

/** The server that `npm run test:interop -- --plexichat URL` names. */
besideServer(() => Promise.resolve(targetOf(process.env['PLEXICHAT_URL'] ?? '', process.env)));
