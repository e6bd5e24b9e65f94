// Number keys for a questionnaire: the nth answer of the item that has the focus, 0 for none, and on to the next item.
//
// They act only while the focus is on an item's radio buttons (WCAG 2.1.4); the arrow keys stay the browser's.

const radiosOf = (item) => [...item.querySelectorAll('input[type="radio"]')];

/** Puts the focus on an item, where Tab would put it. */
export function focusItem(item) {
  const radios = radiosOf(item);
  (radios.find((radio) => radio.checked) ?? radios[0]).focus();
  item.scrollIntoView({ block: 'nearest' });
}

/** The first item without an answer; the first of all when every one has an answer. */
export function firstOpen(root) {
  const items = [...root.querySelectorAll('fieldset.nc-item')];
  return items.find((item) => radiosOf(item).every((radio) => !radio.checked || radio.value === '')) ?? items[0];
}

/**
 * Writes its number beside every answer and listens to the keys; `after` is called when the last item has its answer. Gives what
 * ends the listening.
 */
export function useKeys(root, after) {
  for (const item of root.querySelectorAll('fieldset.nc-item')) {
    radiosOf(item).filter((radio) => radio.value !== '').slice(0, 9).forEach((radio, place) => {
      const key = document.createElement('span');
      key.className = 'nc-key';
      key.ariaHidden = 'true';
      key.textContent = String(place + 1);
      root.querySelector(`label[for="${radio.id}"]`).append(key);
    });
  }
  const listen = (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing || !/^[0-9]$/.test(event.key)) return;
    if (!event.target.matches?.('fieldset.nc-item input[type="radio"]')) return;
    const item = event.target.closest('fieldset.nc-item');
    const radios = radiosOf(item);
    const blank = radios.find((radio) => radio.value === '');
    const chosen = event.key === '0' ? blank : radios.filter((radio) => radio !== blank)[Number(event.key) - 1];
    if (!chosen) return;
    event.preventDefault();
    if (!chosen.checked) {
      chosen.checked = true;
      chosen.dispatchEvent(new Event('change', { bubbles: true }));
    }
    const items = [...root.querySelectorAll('fieldset.nc-item')];
    const next = items[items.indexOf(item) + 1];
    if (next) focusItem(next);
    else after();
  };
  root.addEventListener('keydown', listen);
  return () => root.removeEventListener('keydown', listen);
}
