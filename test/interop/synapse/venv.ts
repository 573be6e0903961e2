import { fileURLToPath } from 'node:url';

/** Where the throw-away Python environment is made; it is shared by all runs. */
export const VENV = fileURLToPath(
  new URL('../../../node_modules/.cache/plexibridge-synapse', import.meta.url),
);

/** The interpreter in it. */
export const PYTHON = `${VENV}/bin/python`;

/** Every package of it, each with its exact version. */
export const REQUIREMENTS = fileURLToPath(new URL('requirements.txt', import.meta.url));

/** Holds the requirements that were installed completely; written last. */
export const INSTALLED = `${VENV}/installed.txt`;
