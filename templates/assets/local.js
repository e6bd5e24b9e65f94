// Says how many drafts are still on this device, without opening them.

import { count } from './vault.js';

const found = await count();
if (found > 0) {
  document.getElementById('nc-local-count').textContent = String(found);
  document.getElementById('nc-local').hidden = false;
}
