// Papers as a screen reader meets them: the PDF that `documents` writes, read by pdf.js, which is not ours. The tree of tags,
// the text in its order, what the file says of itself. No browser is needed.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import { before, test } from 'node:test';
import { getDocument } from 'pdfjs-dist/legacy/build/pdf.mjs';

const root = path.resolve(import.meta.dirname, '../..');

/** What is read of a paper, by the name of its file. */
const papers = {};
let hard;

/** Has the example `papers` of the package `documents` write every sample to a folder; `cargo test` has built it. */
before(async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'noncello-papers-'));
  const targetDir = process.env.CARGO_TARGET_DIR ?? path.join(homedir(), '.cache/noncello-target');
  try {
    execFileSync(path.join(targetDir, 'debug/examples/papers'), [folder], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
    for (const file of readdirSync(folder).filter((name) => name.endsWith('.pdf')).sort()) {
      papers[file.replace('.pdf', '')] = await read(readFileSync(path.join(folder, file)));
    }
    hard = JSON.parse(readFileSync(path.join(folder, 'hard.json'), 'utf8'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

/** Space by space, whatever the lines. */
const flat = (text) => text.replaceAll('\u200B', '').split(/\s+/).filter((word) => word !== '').join(' ');

/** Elements of these stand within a line; between all others there is a break. */
const INLINE = new Set(['Span', 'Strong', 'Em', 'Link', 'Lbl']);

async function read(bytes) {
  const pdf = await getDocument({ data: new Uint8Array(bytes), verbosity: 0 }).promise;
  const { info } = await pdf.getMetadata();
  const paper = {
    info,
    isTagged: (await pdf.getMarkInfo())?.Marked,
    showsTitle: (await pdf.getViewerPreferences())?.DisplayDocTitle,
    outline: await pdf.getOutline(),
    pages: [],
  };
  for (let number = 1; number <= pdf.numPages; number += 1) {
    const page = await pdf.getPage(number);
    const { items } = await page.getTextContent({ includeMarkedContent: true, disableNormalization: true });
    const marked = new Map();
    const open = [];
    let printed = '';
    for (const item of items) {
      if (item.type === 'beginMarkedContent' || item.type === 'beginMarkedContentProps') open.push(item.id);
      else if (item.type === 'endMarkedContent') open.pop();
      else {
        const text = item.str + (item.hasEOL ? '\n' : '');
        printed += text;
        const id = open.findLast((one) => one);
        if (id) marked.set(id, (marked.get(id) ?? '') + text);
      }
    }
    const tree = await page.getStructTree();
    paper.pages.push({ tree, printed: flat(printed), marked });
  }
  await pdf.destroy();
  return paper;
}

/** All elements below one, in the order they are read. */
const below = (node) => (node.children ?? []).filter(({ role }) => role).flatMap((child) => [child, ...below(child)]);

/** All elements of a paper with one of these tags, each with the page it is on. */
const elements = (paper, ...tags) =>
  paper.pages.flatMap((page) => below(page.tree).filter(({ role }) => tags.includes(role)).map((node) => ({ ...node, page })));

const textOf = (page, node) =>
  (node.children ?? [])
    .map((child) => (child.role ? textOf(page, child) + (INLINE.has(child.role) ? '' : '\n') : (page.marked.get(child.id) ?? '')))
    .join('');

/** What is read aloud of a paper, in order. */
const spoken = (paper) => flat(paper.pages.map((page) => textOf(page, page.tree)).join('\n'));

/** Each of these is read aloud, in this order. */
function says(name, sentences) {
  const text = spoken(papers[name]);
  let from = 0;
  for (const sentence of sentences) {
    const at = text.indexOf(sentence, from);
    assert.ok(at >= 0, `${name}: «${sentence}» is not read${text.includes(sentence) ? ' there' : ''}: ${text}`);
    from = at + sentence.length;
  }
}

test('every kind of paper was written', () => {
  const kinds = new Set(Object.keys(papers).map((name) => name.replace(/-\d+$/, '')));
  assert.deepEqual([...kinds].sort(), ['access_report', 'accounts_list', 'agreement', 'certificate', 'easy_report', 'hard', 'interest', 'report', 'sheet']);
});

test('every paper is tagged, in Italian, and shows its title and its bookmarks', () => {
  for (const [name, { info, isTagged, showsTitle, outline, pages }] of Object.entries(papers)) {
    assert.equal(info.PDFFormatVersion, '1.7', name);
    assert.equal(info.Language, 'it-IT', name);
    assert.equal(isTagged, true, name);
    assert.equal(showsTitle, true, name);
    assert.ok(info.Title?.length > 3, `${name} has no title`);
    assert.ok(outline?.length > 0, `${name} has no bookmarks`);
    for (const [place, { tree }] of pages.entries()) assert.ok(below(tree).length > 0, `${name}: nothing on page ${place + 1} is tagged`);
  }
});

test('headings begin with the first level, leave none out, and are never empty', () => {
  for (const [name, paper] of Object.entries(papers)) {
    let before = 0;
    for (const heading of elements(paper, 'H1', 'H2', 'H3', 'H4', 'H5', 'H6')) {
      const level = Number(heading.role[1]);
      const text = flat(textOf(heading.page, heading));
      assert.ok(level <= before + 1, `${name}: ${heading.role} after H${before}: ${text}`);
      assert.notEqual(text, '', `${name}: an empty heading`);
      before = level;
    }
    assert.ok(before > 0, `${name} has no heading`);
  }
});

test('tables have header cells: names of columns in the first row, or a name before each value', () => {
  let count = 0;
  const cells = (row) => (row.children ?? []).filter(({ role }) => role === 'TH' || role === 'TD');
  for (const [name, paper] of Object.entries(papers)) {
    // A table that goes on is in the tree of each page it is on; its head is repeated for the eyes alone.
    let goesOn = false;
    for (const page of paper.pages) {
      const tables = below(page.tree).filter(({ role }) => role === 'Table');
      for (const [place, table] of tables.entries()) {
        count += 1;
        const rows = below(table).filter(({ role }) => role === 'TR');
        const text = flat(textOf(page, table));
        assert.ok(rows.length > 0, `${name}: a table without a row`);
        const namesColumns = cells(rows[0]).length > 1 && cells(rows[0]).every(({ role }) => role === 'TH');
        const namesRows = rows.every((row) => cells(row)[0]?.role === 'TH');
        assert.ok(namesColumns || namesRows || (goesOn && place === 0), `${name}: ${text}`);
        if (namesColumns) {
          const width = cells(rows[0]).length;
          // The last row may go on on the next page.
          for (const row of rows.slice(1, -1)) assert.equal(cells(row).length, width, `${name}: ${text}`);
        }
      }
      goesOn = tables.length > 0;
    }
  }
  assert.ok(count > 80, `only ${count} tables`);
});

test('figures say in words what they show', () => {
  let count = 0;
  for (const [name, paper] of Object.entries(papers)) {
    for (const figure of elements(paper, 'Figure')) {
      count += 1;
      assert.ok(figure.alt?.length > 10, `${name}: ${JSON.stringify(figure)}`);
    }
  }
  assert.ok(count > 10, `only ${count} figures`);
  const radar = elements(papers['report-1'], 'Figure').map(({ alt }) => flat(alt)).find((alt) => alt.includes('radar'));
  assert.ok(radar.includes('Cura di sé e vita quotidiana: 15,0 il 4 novembre 2025, 20,0 il 10 marzo 2026'), radar);
  assert.ok(radar.includes('risposte insufficienti il 10 marzo 2026'), radar);
});

test('what stands at the foot and at the head of every page is printed, and not read aloud', () => {
  const { pages } = papers['report-0'];
  assert.ok(pages.length > 2);
  for (const [place, { printed }] of pages.entries()) assert.ok(printed.includes(`pagina ${place + 1} di ${pages.length}`), printed);
  assert.ok(!spoken(papers['report-0']).includes('pagina 1 di'));
  assert.ok(pages[1].printed.includes('Bozza dimostrativa: dati sintetici'));
  assert.ok(!spoken(papers['report-0']).includes('Bozza dimostrativa: dati sintetici'));
});

test('the head of a long table stands on every page and is read once', () => {
  const paper = papers['accounts_list-0'];
  assert.ok(paper.pages[0].printed.includes('Nome utente') && paper.pages[1].printed.includes('Nome utente'));
  assert.equal(spoken(paper).split('Nome utente').length - 1, 1);
});

test('papers are read in their order', () => {
  says('report-0', [
    'Ambito territoriale sociale del Noncello',
    'Relazione ASSO: Maria Prova',
    'Data della valutazione 20 novembre 2026',
    'Occupabilità',
    'Nessuna decisione è automatica',
    'Condizioni minime che oggi mancano',
    'Azioni concordate',
    "L'indice da solo darebbe «Sostenibile con aiuto»",
    'Totale 31 55 24',
    'Risposte, domanda per domanda',
    '9f86d081 884c7d65',
  ]);
  says('access_report-0', [
    'Relazione di accesso ai dati',
    'Codice fiscale PRVMRA85T50G888X',
    '#set text(red) *non è grassetto*, costa 5 $ al giorno @maria \\ <fine> □',
    'ASSO del 20 novembre 2026',
    'Bozze non concluse',
    'Limitazioni del trattamento',
    'Chi ha visto o cambiato i dati',
    'Finalità e basi giuridiche',
    'reclamo al Garante per la protezione dei dati personali',
  ]);
  says('agreement-0', [...Array.from({ length: 32 }, (_, place) => `Articolo ${place + 1}. `), "Per l'Ente: Ambito territoriale sociale del Noncello"]);
  says('certificate-0', ['Attestazione di cancellazione', '5f2b8e0c 91d47a36', 'Che cosa rimane, e perché']);
  says('easy_report-0', ['Questo foglio è per lei: Maria Prova', 'È il gradino 2 di 4.', 'Nessun computer decide per lei.']);
  assert.equal(elements(papers['easy_report-0'], 'Table').length, 0, 'a table has to be understood');
  const rows = elements(papers['sheet-0'], 'TR');
  assert.equal(flat(textOf(rows.at(-1).page, rows.at(-1))), 'riga corta');
});

test('no text is lost, however it was typed', () => {
  // A long word is broken wherever a line ends.
  const tight = (text) => flat(text).replaceAll(' ', '');
  for (const [place, { text, places }] of hard.entries()) {
    const read = tight(spoken(papers[`hard-${place}`]));
    const counts = text.split('\n').map((line) => read.split(tight(line)).length - 1);
    assert.equal(Math.min(...counts), places, `«${text.slice(0, 60)}»: ${read.slice(0, 400)}`);
  }
});

test('names that are written otherwise are all there, or are told', () => {
  const text = spoken(papers['report-1']);
  assert.ok(text.includes('Łucja Đorđević-Šimić'), text.slice(0, 300));
  assert.ok(text.includes('محمد'), text.slice(0, 300));
  assert.ok(text.includes('□□□'), text.slice(0, 300));
  assert.ok(text.includes('U+738B, U+5C0F, U+660E'), text.slice(-300));
});
