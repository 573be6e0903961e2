// Preloaded by the test processes and, through them, by the store's worker threads: both then load TypeScript sources.
import { register } from 'tsx/esm/api';

register();
