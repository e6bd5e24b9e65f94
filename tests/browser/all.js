// All browser tests in one process, so that they share one demonstration.
//
// portal.test.js (an operator's day, dashboards) is not among them yet: it was written last and has not passed; roadmap.md
// says so.

import { after } from 'node:test';
import { startPortal } from './browser.js';
import './pages.test.js';

after(async () => (await startPortal()).stop());
