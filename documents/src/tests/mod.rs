//! What every paper promises, and what each of them says, read back from the PDF.

mod reader;

use std::sync::LazyLock;

use proptest::prelude::*;
use sha2::{Digest, Sha256};

use self::reader::Pdf;
use crate::*;

static PRESS: LazyLock<Press> = LazyLock::new(|| Press::new().unwrap());

/// Every sample of every paper: name, title wanted in the head, bytes.
fn all() -> Vec<(String, Vec<u8>)> {
    fn of<P: Paper>() -> Vec<(String, Vec<u8>)> {
        let print = |(place, paper): (usize, &P)| (format!("{} {place}", P::FILE), PRESS.print(paper).unwrap());
        P::samples().iter().enumerate().map(print).collect()
    }
    [
        of::<Report>(),
        of::<EasyReport>(),
        of::<AccessReport>(),
        of::<Agreement>(),
        of::<Interest>(),
        of::<Certificate>(),
        of::<AccountsList>(),
        of::<Sheet>(),
    ]
    .concat()
}

fn sample<P: Paper>(place: usize) -> Pdf {
    Pdf::read(&PRESS.print(&P::samples()[place]).unwrap())
}

/// Space by space, whatever the lines.
fn flat(text: &str) -> String {
    text.replace('\u{A0}', " ").replace('\u{200B}', "").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Each of these is read aloud, in this order.
#[track_caller]
fn check(pdf: &Pdf, sentences: &[&str]) {
    let text = flat(&pdf.text());
    let mut from = 0;
    for sentence in sentences {
        match text[from..].find(sentence) {
            Some(at) => from += at + sentence.len(),
            None => panic!("«{sentence}» is not read{}:\n{text}", if text.contains(sentence) { " there" } else { "" }),
        }
    }
}

#[test]
fn every_paper_is_tagged_archivable_and_in_italian() {
    for (name, bytes) in all() {
        let pdf = Pdf::read(&bytes);
        let catalog = pdf.document.catalog().unwrap();
        assert_eq!(catalog.get(b"Lang").unwrap().as_str().unwrap(), b"it-IT", "{name}");
        let marked = catalog.get(b"MarkInfo").unwrap().as_dict().unwrap().get(b"Marked").unwrap().as_bool().unwrap();
        assert!(marked, "{name}");
        let view = catalog.get(b"ViewerPreferences").unwrap().as_dict().unwrap();
        assert!(view.get(b"DisplayDocTitle").unwrap().as_bool().unwrap(), "{name}");
        assert!(catalog.has(b"Outlines"), "{name} has no bookmarks");
        assert!(catalog.has(b"OutputIntents"), "{name}");
        let metadata = pdf.metadata();
        for claim in [
            "<pdfaid:part>2</pdfaid:part>",
            "<pdfaid:conformance>A</pdfaid:conformance>",
            "<pdfuaid:part>1</pdfuaid:part>",
            "<dc:title>",
            "<dc:creator>",
            "<dc:description>",
            "<dc:language>",
            "<xmp:CreatorTool>Noncello</xmp:CreatorTool>",
            "<xmp:CreateDate>2026-",
        ] {
            assert!(metadata.contains(claim), "{name}: no {claim} in {metadata}");
        }
    }
}

#[test]
fn headings_begin_with_the_first_level_and_leave_none_out() {
    for (name, bytes) in all() {
        let pdf = Pdf::read(&bytes);
        let headings = pdf.root.all(&|element| element.tag.len() == 2 && element.tag.starts_with('H'));
        let mut before = 0;
        for heading in headings {
            let level: usize = heading.tag[1..].parse().unwrap();
            assert!(level <= before + 1, "{name}: {} after H{before}: {}", heading.tag, heading.text());
            assert!(!heading.text().trim().is_empty(), "{name}: an empty heading");
            before = level;
        }
        assert!(before > 0, "{name} has no heading");
    }
}

#[test]
fn tables_have_header_cells_and_a_summary_and_rows_of_one_width() {
    let mut count = 0;
    for (name, bytes) in all() {
        for table in Pdf::read(&bytes).all("Table") {
            count += 1;
            assert!(table.summary.as_ref().is_some_and(|summary| !summary.is_empty()), "{name}: {}", table.text());
            let headers = table.all(&|cell| cell.tag == "TH");
            assert!(!headers.is_empty(), "{name}: no header cell in {}", table.text());
            assert!(headers.iter().all(|cell| cell.scope.is_some()), "{name}: {}", table.text());
            let is_cell = |cell: &reader::Element| ["TH", "TD"].contains(&cell.tag.as_str());
            let rows = table.all(&|row| row.tag == "TR");
            // Names of columns, or names and values side by side.
            let names_columns = rows[0].all(&is_cell).iter().all(|cell| cell.tag == "TH");
            let names_rows = rows.iter().all(|row| row.all(&is_cell).len() == 2 && row.all(&is_cell)[0].tag == "TH");
            assert!(names_columns || names_rows, "{name}: {}", table.text());
            let widths: Vec<usize> = table
                .all(&|row| row.tag == "TR")
                .iter()
                .map(|row| {
                    row.all(&|cell| ["TH", "TD"].contains(&cell.tag.as_str())).iter().map(|cell| cell.span).sum()
                })
                .collect();
            assert!(widths.iter().all(|width| *width == widths[0]), "{name}: {widths:?} in {}", table.text());
        }
    }
    assert!(count > 80, "only {count} tables");
}

#[test]
fn figures_say_in_words_what_they_show() {
    let mut count = 0;
    for (name, bytes) in all() {
        for figure in Pdf::read(&bytes).all("Figure") {
            count += 1;
            assert!(figure.alt.as_ref().is_some_and(|alt| alt.len() > 10), "{name}: {figure:?}");
        }
    }
    assert!(count > 10, "only {count} figures");
}

#[test]
fn the_same_values_give_the_same_bytes_and_others_do_not() {
    let again = Press::new().unwrap();
    for paper in Report::samples() {
        assert!(PRESS.print(&paper).unwrap() == again.print(&paper).unwrap(), "the bytes differ");
    }
    let mut other = Certificate::samples().remove(0);
    let first = PRESS.print(&other).unwrap();
    other.number.push('0');
    assert!(first != PRESS.print(&other).unwrap(), "another number, and the same bytes");
}

#[test]
fn a_demonstration_says_so_on_every_page_and_nothing_else_does() {
    let words = "Bozza dimostrativa: dati sintetici";
    for place in 0..2 {
        let pages = sample::<Sheet>(place).pages();
        assert!(pages.iter().all(|page| page.contains(words) == (place == 0)), "{place}: {pages:?}");
    }
    check(&sample::<Report>(0), &["Bozza dimostrativa. I dati sono sintetici"]);
}

#[test]
fn the_foot_names_the_ente_and_counts_the_pages_and_is_not_read_aloud() {
    let pdf = sample::<Report>(0);
    let pages = pdf.pages();
    assert!(pages.len() > 2);
    for (page, number) in pages.iter().zip(1..) {
        let foot = "Ambito territoriale sociale del Noncello · Relazione ASSO";
        assert!(flat(page).contains(foot), "{page}");
        assert!(flat(page).contains(&format!("pagina {number} di {}", pages.len())), "{page}");
    }
    assert!(!flat(&pdf.text()).contains("pagina 1 di"));
}

#[test]
fn heads_of_tables_stand_on_every_page_and_are_read_once() {
    let pdf = sample::<AccountsList>(0);
    let pages = pdf.pages();
    assert!(pages[0].contains("Nome utente") && pages[1].contains("Nome utente"), "{pages:?}");
    assert_eq!(pdf.text().matches("Nome utente").count(), 1);
}

/// What people type, or paste.
const TYPED: &[&str] = &[
    "#let x = 1; #x #set text(red) #panic()",
    "*non grassetto* _non corsivo_ `codice` $x^2$ \\ @rif <etichetta> // commento /* altro */ ~ -- --- ...",
    "= Titolo\n- voce\n+ numero\n/ termine: testo",
    "\"virgolette\" 'apici' {graffe} [quadre] (tonde) & % ^ |",
    "https://example.org/a?b=c#d",
    "Niccolò, Łucja, Đorđević, Олена, Αθηνά, გიორგი, Արամ ☺ → ≥ √",
];

fn typed(text: &str) -> Sheet {
    let mut sheet = Sheet::samples().remove(1);
    text.clone_into(&mut sheet.title);
    sheet.subtitle = Some(text.to_owned());
    sheet.version = Some(text.to_owned());
    text.clone_into(&mut sheet.issue.ente);
    sheet.sections = vec![Section {
        title: text.to_owned(),
        parts: vec![
            Part::Paragraph { text: text.to_owned() },
            Part::List { entries: vec![text.to_owned()] },
            Part::Facts { facts: vec![Fact::new(text, text)] },
            Part::Table {
                caption: text.to_owned(),
                columns: vec![text.to_owned(); 2],
                rows: vec![vec![text.to_owned(); 2]],
                has_row_headers: true,
            },
        ],
        sections: Vec::new(),
    }];
    sheet
}

#[test]
fn what_people_type_is_text_and_never_markup() {
    let count = |text: &str| {
        let read = flat(&Pdf::read(&PRESS.print(&typed(text)).unwrap()).text());
        text.lines().map(|line| read.matches(&flat(line)).count()).min().unwrap()
    };
    let places = count("parola semplice");
    assert!(places > 9, "only {places}");
    for text in TYPED {
        assert_eq!(count(text), places, "«{text}»");
    }
}

#[test]
fn what_cannot_be_drawn_is_seen_and_told() {
    let pdf = Pdf::read(&PRESS.print(&typed("王小明 🙂 \u{0}\u{E000}")).unwrap());
    check(&pdf, &["□□□ □ □□", "Il segno □ sta al posto", "U+738B, U+5C0F, U+660E, U+1F642, U+0000, U+E000"]);
    assert!(!flat(&sample::<Sheet>(0).text()).contains('□'));
}

#[test]
fn letters_that_run_the_other_way_are_all_there() {
    for name in ["محمد علی", "יעל"] {
        let read = Pdf::read(&PRESS.print(&typed(name)).unwrap()).text();
        // A PDF has them in the order they stand on the page; readers turn them around.
        let turned: String = name.split(' ').next().unwrap().chars().rev().collect();
        assert!(read.matches(&turned).count() >= 9, "{name} in\n{read}");
        assert!(!read.contains('□'), "{read}");
    }
}

#[test]
fn empty_texts_do_no_harm() {
    for text in ["", " ", "\n\n", "\u{200B}", "\u{301}"] {
        PRESS.print(&typed(text)).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_keeps_a_paper_from_being_made(text in prop_oneof![".{0,80}", "\\PC{0,80}", any::<String>(), "[\\p{Arabic}\\p{Hebrew}\\p{M} a-zà]{0,60}"]) {
        let bytes = PRESS.print(&typed(&text)).map_err(|error| TestCaseError::fail(format!("{text:?}: {error}")))?;
        prop_assert!(bytes.starts_with(b"%PDF-1.7"));
    }
}

#[test]
fn a_report_says_what_why_and_what_then() {
    check(
        &sample::<Report>(0),
        &[
            "Ambito territoriale sociale del Noncello",
            "Relazione ASSO: Maria Prova",
            "Questo questionario corregge una versione precedente. Motivo: Era stata scambiata la risposta sulla patente.",
            "Data della valutazione",
            "20 novembre 2026",
            "non ufficiale",
            "Occupabilità",
            "56,4",
            "In avvio",
            "Risultato calcolato",
            "Svantaggio lieve",
            "Svantaggio complesso",
            "La persona affronta anche lutti recenti",
            "Nessuna decisione è automatica",
            "Condizioni minime che oggi mancano",
            "Un posto dove abitare",
            "Occupabilità: al massimo «In avvio»",
            "Azioni concordate",
            "24/11/2026: avviata, Anna Prova",
            "nessun esito registrato",
            "Occupabilità: In avvio",
            "Indice 56,4 su 100: 31 punti su 55 possibili",
            "L'indice da solo darebbe «Sostenibile con aiuto»",
            "il minor numero di risposte che dovrebbero cambiare è 2:",
            "Quali risposte hanno dato punti e quali ne hanno tolti: Occupabilità",
            "Totale 31 55 24",
            "È già il livello più alto.",
            "Per ora nessun cambiamento basterebbe",
            "Risposte, domanda per domanda",
            "Preferisce non rispondere",
            "Fonte",
            "Non è il testo ufficiale",
            "9f86d081 884c7d65",
        ],
    );
}

#[test]
fn a_course_has_a_radar_in_words_and_a_table_beside_it() {
    let pdf = sample::<Report>(1);
    check(
        &pdf,
        &[
            "Andamento nel tempo",
            "Dimensione 4/11/2025 10/3/2026 2/7/2026 12/11/2026",
            "Cura di sé e vita quotidiana 15,0 20,0 = entro l'errore di misura 33,0 ▲ più alto, oltre l'errore di misura",
            "▼ più basso, oltre l'errore di misura",
            "Errore standard di misura usato",
            "Le risposte non bastano per un risultato: sono 6 su 10. Ne servono almeno 7.",
            "Appendice: corrispondenze",
            "d5 Cura della propria persona",
        ],
    );
    let figures = pdf.all("Figure");
    let radar = figures.iter().filter_map(|figure| figure.alt.as_deref()).find(|alt| alt.contains("radar")).unwrap();
    let words = flat(radar);
    assert!(words.contains("Cura di sé e vita quotidiana: 15,0 il 4 novembre 2025, 20,0 il 10 marzo 2026"), "{words}");
    assert!(words.contains("risposte insufficienti il 10 marzo 2026"), "{words}");
}

#[test]
fn a_questionnaire_brought_in_says_that_nobody_evaluated_it() {
    check(
        &sample::<Report>(2),
        &[
            "Questo questionario è annullato dal 24 novembre 2026",
            "importato: archivio del 2019",
            "assente: nessuno l'ha registrata",
        ],
    );
}

#[test]
fn a_scale_without_an_index_or_a_level_does_no_harm() {
    let mut report = Report::samples().remove(0);
    report.questionnaire.scales[0].index_tenths = None;
    report.questionnaire.scales[1].level = None;
    report.questionnaire.scales[1].capped_from = Some("Sostenibile".to_owned());
    report.course = Some(Course { dates: Vec::new(), dimensions: Vec::new() });
    let pdf = Pdf::read(&PRESS.print(&report).unwrap());
    check(&pdf, &["Occupabilità – In avvio", "Socio-occupabilità 77,6 senza livelli"]);
}

#[test]
fn the_easy_report_is_large_and_plain() {
    let pdf = sample::<EasyReport>(0);
    check(
        &pdf,
        &[
            "Questo foglio è per lei: Maria Prova",
            "Il 20 novembre 2026 lei ha parlato con Anna Prova.",
            "È il gradino 2 di 4.",
            "Le risposte non bastano per dirlo.",
            "Che cosa manca oggi",
            "Conta il suo parere.",
            "Chiedere un alloggio per i prossimi mesi.",
            "Entro il 15 dicembre 2026.",
            "Ci vediamo di nuovo il 10 febbraio 2027.",
            "Nessun computer decide per lei.",
            "Telefono: 0434 000000",
        ],
    );
    assert!(pdf.all("Table").is_empty(), "a table has to be understood");
}

#[test]
fn an_access_report_holds_everything() {
    check(
        &sample::<AccessReport>(0),
        &[
            "Relazione di accesso ai dati",
            "Bruno Esempio, amministratore di sostegno",
            "PRVMRA85T50G888X",
            "#set text(red) *non è grassetto*, costa 5 $ al giorno @maria \\ <fine> □",
            "Informativa sul trattamento dei dati, versione 2",
            "ASSO del 20 novembre 2026",
            "licenza media",
            "Quali risposte hanno dato punti e quali ne hanno tolti: Formabilità",
            "Regole usate",
            "ASSO, versione 1 (non ufficiale)",
            "Bozze non concluse",
            "Si lava senza che nessuno lo ricordi",
            "Limitazioni del trattamento",
            "in corso",
            "Chi ha visto o cambiato i dati",
            "20/11/2026, 15.05",
            "Finalità e basi giuridiche",
            "cinque anni dalla fine della presa in carico",
            "reclamo al Garante per la protezione dei dati personali",
        ],
    );
    check(&sample::<AccessReport>(1), &["Non risulta registrata nessuna informativa", "Nessun accesso registrato"]);
}

#[test]
fn an_agreement_has_its_articles_and_places_to_sign_at() {
    let pdf = sample::<Agreement>(0);
    let articles: Vec<String> = (1..=32).map(|number| format!("Articolo {number}. ")).collect();
    check(&pdf, &articles.iter().map(String::as_str).collect::<Vec<_>>());
    check(
        &pdf,
        &[
            "Comune di Pordenone",
            "c_g888",
            "Ambito territoriale sociale del Noncello",
            "i comuni di Cordenons, Porcia, Pordenone, Roveredo in Piano e San Quirino",
            "ASSO, versione 1 e ISA, versione 1",
            "decorre dal 1º gennaio 2027 e termina il 31 dicembre 2029",
            "art. 28 del Regolamento",
            "Centro elaborazione dati di prova",
            "Per il Gestore: Comune di Pordenone",
            "Per l'Ente: Ambito territoriale sociale del Noncello",
            "Bruno Esempio",
        ],
    );
    check(&sample::<Agreement>(1), &["il comune di Prova", "Il Gestore non ricorre ad altri responsabili."]);
}

#[test]
fn the_words_of_an_agreement_are_never_changed_once_used() {
    let text = include_str!("../../typ/agreement_1.typ");
    let digest: String = Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(digest, AGREEMENT_1, "version 1 may have been signed: a change of words is a version 2");
}

/// SHA-256 of agreement_1.typ.
const AGREEMENT_1: &str = "c896243e0081294ba868b68d6b8cecab926c7850a37c1aecc70d1df37a3334d1";

#[test]
fn an_expression_of_interest_is_copied() {
    check(
        &sample::<Interest>(0),
        &[
            "MI-2026-0012",
            "il 25 novembre 2026, ore 09.12",
            "Comuni (3): Cordenons, Porcia e Pordenone. Residenti: 101.234, dato del 2023.",
            "circa 25",
            "Ci servirebbe una giornata di formazione.",
        ],
    );
}

#[test]
fn certificates_say_what_is_gone_and_not_whose_it_was() {
    check(
        &sample::<Certificate>(0),
        &[
            "Attestazione di cancellazione",
            "0b9d7c1e-5a3f-4c77-9a0e-3f5f2d1c8e42",
            "questionari, in ogni versione 3",
            "5f2b8e0c 91d47a36",
            "Che cosa rimane, e perché",
        ],
    );
    check(
        &sample::<Certificate>(1),
        &["Attestazione di chiusura e cancellazione", "Convenzione cessata", "persone 1.234", "Non rimane nulla"],
    );
}

#[test]
fn a_list_of_accounts_says_who_may_what() {
    check(
        &sample::<AccountsList>(0),
        &[
            "Account: 40",
            "Šimun Đorđević",
            "sospeso",
            "Che cosa può fare ogni ruolo",
            "gestire gli account sì no no no",
        ],
    );
    check(&sample::<AccountsList>(1), &["Non c'è nessun account."]);
}

#[test]
fn a_sheet_has_its_sections_and_fills_short_rows_up() {
    check(
        &sample::<Sheet>(0),
        &[
            "Registro delle attività di trattamento",
            "Versione 3, 25 novembre 2026.",
            "Secondo paragrafo.",
            "prima voce",
            "Contatti",
            "Trattamenti in corso",
            "trattamento 39",
            "riga corta",
        ],
    );
    let sheet = sample::<Sheet>(0);
    let rows = sheet.all("TR");
    assert_eq!(flat(&rows.last().unwrap().text()), "riga corta");
    check(&sample::<Sheet>(1), &["Non c'è nulla da riportare."]);
}
