// All browser tests in one process, so that they share one demonstration.

import { after } from 'node:test';
import { startPortal } from './browser.js';
// First: it counts what nobody has changed.
import './figures.test.js';
import './access.test.js';
import './draft.test.js';
import './extraction.test.js';
import './identified.test.js';
import './import.test.js';
import './offline.test.js';
import './pages.test.js';
import './portal.test.js';
import './queries.test.js';
import './research.test.js';

after(async () => (await startPortal()).stop());
