// The editor of SQL in place of the plain text area: colours, the names of tables and columns as one types, Ctrl+Enter. What
// is sent is the text area's, so the page works the same without.

import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from './codemirror-autocomplete.js';
import { defaultKeymap, history, historyKeymap } from './codemirror-commands.js';
import { PostgreSQL, sql } from './codemirror-lang-sql.js';
import { HighlightStyle, bracketMatching, syntaxHighlighting } from './codemirror-language.js';
import { EditorState, Prec } from './codemirror-state.js';
import { EditorView, drawSelection, keymap } from './codemirror-view.js';
import { tags } from './lezer-highlight.js';

const form = document.getElementById('domanda');
const area = document.getElementById('campo-sql');
const label = document.getElementById('etichetta-sql');
const state = document.getElementById('stato');

/** What was sent last in this tab: a password asked for in between does not lose it. It is the session's, whose token it bears. */
const KEPT = 'interrogazione';
const session = form.elements.csrf.value;

function kept() {
  const [of, ...text] = (sessionStorage.getItem(KEPT) ?? '').split(' ');
  if (of === session) return text.join(' ');
  sessionStorage.removeItem(KEPT);
  return '';
}

// Tables and their columns, from what the page says of them.
const schema = {};
for (const table of document.querySelectorAll('[data-table]')) {
  schema[table.dataset.table] = Array.from(table.querySelectorAll('[data-column]'), (column) => column.dataset.column);
}

const colours = HighlightStyle.define([
  { tag: tags.keyword, color: '#0059b3', fontWeight: '600' },
  { tag: [tags.string, tags.special(tags.string)], color: '#006b44' },
  { tag: [tags.number, tags.bool, tags.null], color: '#6a2c91' },
  { tag: tags.comment, color: '#435a70', fontStyle: 'italic' },
]);

const look = EditorView.theme({
  '&': { border: '1px solid #5d7083', borderRadius: '4px', backgroundColor: '#fff', color: '#17324d', fontSize: '.9375rem' },
  // The host shows the focus, as every field of the design system does.
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { fontFamily: '"Roboto Mono", monospace', lineHeight: '1.5', minHeight: '12rem', maxHeight: '32rem' },
  '.cm-content': { padding: '.5rem 0' },
  '.cm-line': { padding: '0 .75rem' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul': { fontFamily: '"Roboto Mono", monospace', maxWidth: 'min(24rem, 85vw)' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul > li': { padding: '.125rem .5rem' },
  '.cm-tooltip-autocomplete ul li[aria-selected]': { backgroundColor: '#0066cc', color: '#fff' },
  '.cm-completionMatchedText': { textDecoration: 'none', fontWeight: '700' },
});

const send = () => {
  form.requestSubmit();
  return true;
};

if (area.hasAttribute('data-blank') && area.value.trim() === '') area.value = kept();

// Inside a shadow tree the editor's styles are adopted by script: the content policy allows no others.
const host = document.createElement('div');
host.className = 'nc-editor';
area.after(host);
const root = host.attachShadow({ mode: 'open' });
const view = new EditorView({
  parent: root,
  root,
  state: EditorState.create({
    doc: area.value,
    extensions: [
      Prec.highest(keymap.of([{ key: 'Mod-Enter', run: send }])),
      history(),
      drawSelection(),
      bracketMatching(),
      closeBrackets(),
      autocompletion({ icons: false }),
      sql({ dialect: PostgreSQL, schema }),
      syntaxHighlighting(colours),
      // Tab is not among them: it goes on to what comes next on the page.
      keymap.of([...closeBracketsKeymap, ...completionKeymap, ...historyKeymap, ...defaultKeymap]),
      EditorView.lineWrapping,
      EditorView.contentAttributes.of({
        'aria-label': label.textContent,
        'aria-description': document.getElementById('aiuto-sql').textContent.replaceAll(/\s+/g, ' ').trim(),
        ...(area.hasAttribute('aria-invalid') ? { 'aria-invalid': 'true' } : {}),
      }),
      EditorState.phrases.of({ Completions: 'Suggerimenti' }),
      EditorView.updateListener.of((update) => {
        if (update.docChanged) area.value = update.state.doc.toString();
      }),
      look,
    ],
  }),
});
area.hidden = true;
label.addEventListener('click', (event) => {
  event.preventDefault();
  view.focus();
});
for (const hint of document.querySelectorAll('[data-scripts]')) hint.hidden = false;

for (const link of document.querySelectorAll('[data-example]')) {
  link.addEventListener('click', (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: link.dataset.example.trim() }, scrollIntoView: true });
    view.focus();
  });
}

form.addEventListener('submit', (event) => {
  area.value = view.state.doc.toString();
  sessionStorage.setItem(KEPT, `${session} ${area.value}`);
  // A file leaves the page where it is: nothing would take the words away again.
  if (!event.submitter?.hasAttribute('formaction')) state.textContent = state.dataset.running;
});

// Coming back by the browser's own way.
window.addEventListener('pageshow', () => { state.textContent = ''; });

if (document.getElementById('risposta')) document.getElementById('risposta').focus();
