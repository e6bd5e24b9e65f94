//! What every paper promises, as far as it can be seen without reading the PDF, and what each of them says.

mod reader;

use std::sync::LazyLock;

use proptest::prelude::*;
use sha2::{Digest, Sha256};

use self::reader::flat;
use crate::*;

static PRESS: LazyLock<Press> = LazyLock::new(|| Press::new().unwrap());

/// Every sample of every paper: name and bytes.
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

fn pages_of<P: Paper>(paper: &P) -> Vec<String> {
    reader::pages(&PRESS.pages(paper))
}

fn sample<P: Paper>(place: usize) -> Vec<String> {
    pages_of(&P::samples()[place])
}

/// Each of these is read, in this order.
#[track_caller]
fn check(pages: &[String], sentences: &[&str]) {
    let text = pages.join(" ");
    let mut from = 0;
    for sentence in sentences {
        match text[from..].find(sentence) {
            Some(at) => from += at + sentence.len(),
            None => panic!("«{sentence}» is not read{}:\n{text}", if text.contains(sentence) { " there" } else { "" }),
        }
    }
}

/// The packet of metadata, which archives read without a reader of PDF.
fn metadata(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let start = text.find("<?xpacket begin").expect("the metadata are not compressed");
    text[start..start + text[start..].find("<?xpacket end").unwrap()].to_owned()
}

#[test]
fn every_paper_claims_to_be_tagged_and_archivable() {
    for (name, bytes) in all() {
        assert!(bytes.starts_with(b"%PDF-1.7"), "{name}");
        assert!(bytes.ends_with(b"%%EOF"), "{name}");
        let metadata = metadata(&bytes);
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
fn the_same_values_give_the_same_bytes_and_others_do_not() {
    let again = Press::new().unwrap();
    for paper in Report::samples() {
        assert!(PRESS.print(&paper).unwrap() == again.print(&paper).unwrap(), "the bytes differ");
    }
    let mut other = Certificate::samples().remove(0);
    let first = PRESS.print(&other).unwrap();
    let id = |bytes: &[u8]| metadata(bytes).split("DocumentID>").nth(1).unwrap().to_owned();
    other.number.push('0');
    let second = PRESS.print(&other).unwrap();
    assert!(first != second, "another number, and the same bytes");
    assert_ne!(id(&first), id(&second), "another paper, and the same identifier");
}

#[test]
fn a_demonstration_says_so_on_every_page_and_nothing_else_does() {
    let words = "Bozza dimostrativa: dati sintetici";
    for place in 0..2 {
        let pages = sample::<Sheet>(place);
        assert!(pages.iter().all(|page| page.contains(words) == (place == 0)), "{place}: {pages:?}");
    }
    check(&sample::<Report>(0), &["Bozza dimostrativa. I dati sono sintetici"]);
}

#[test]
fn the_foot_names_the_ente_and_counts_the_pages() {
    let pages = sample::<Report>(0);
    assert!(pages.len() > 2);
    for (page, number) in pages.iter().zip(1..) {
        let foot = "Ambito territoriale sociale del Noncello · Relazione ASSO";
        assert!(page.contains(foot), "{page}");
        assert!(page.contains(&format!("pagina {number} di {}", pages.len())), "{page}");
    }
}

#[test]
fn heads_of_tables_stand_on_every_page() {
    let pages = sample::<AccountsList>(0);
    assert!(pages[0].contains("Nome utente") && pages[1].contains("Nome utente"), "{pages:?}");
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
        let pages = pages_of(&typed(text));
        let read = pages.join(" ");
        let found = text.lines().map(|line| read.matches(&flat(line)).count()).min().unwrap();
        // The foot of each page has the name of the Ente and the title.
        found - 2 * pages.len()
    };
    let places = count("parola semplice");
    assert!(places > 9, "only {places}");
    for text in TYPED {
        assert_eq!(count(text), places, "«{text}»");
    }
}

#[test]
fn what_cannot_be_drawn_is_seen_and_told() {
    check(
        &pages_of(&typed("王小明 🙂 \u{0}\u{E000}")),
        &["□□□ □ □□", "Il segno □ sta al posto", "U+738B, U+5C0F, U+660E, U+1F642, U+0000, U+E000"],
    );
    assert!(!sample::<Sheet>(0).concat().contains('□'));
}

#[test]
fn letters_that_run_the_other_way_are_all_there() {
    for name in ["محمد علی", "יעל"] {
        let read = pages_of(&typed(name)).join(" ");
        assert!(read.matches(name.split(' ').next().unwrap()).count() >= 9, "{name} in\n{read}");
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
fn a_course_has_a_table() {
    check(
        &sample::<Report>(1),
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
    check(&pages_of(&report), &["Occupabilità – In avvio", "Socio-occupabilità 77,6 senza livelli"]);
}

#[test]
fn the_easy_report_is_large_and_plain() {
    check(
        &sample::<EasyReport>(0),
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
    check(&sample::<Sheet>(1), &["Non c'è nulla da riportare."]);
}
