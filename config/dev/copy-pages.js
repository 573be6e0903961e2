// What the compiler leaves behind: files that are served as they are.
import { cpSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const page = 'surfaces/bridge/page';
const root = new URL('../../', import.meta.url);
cpSync(fileURLToPath(new URL(`src/${page}`, root)), fileURLToPath(new URL(`dist/${page}`, root)), {
  recursive: true,
});
