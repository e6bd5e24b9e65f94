//! The files beside a table, each read back by a parser that is not ours.

use std::collections::BTreeMap;

use anonymity::verify::{Beside, Checks, verify};
use anonymity::{Rules, Sensitive};

use super::super::dictionary::Code;
use super::super::{Origin, SelfTest};
use super::*;

fn columns() -> Vec<Column> {
    let code =
        |code: &str, words: &str, rows| Code { code: code.into(), words: words.into(), is_missing: code == "*", rows };
    vec![
        Column {
            name: "sesso".into(),
            meaning: "Sesso anagrafico".into(),
            is_quasi_identifier: true,
            codes: vec![code("*", "non rilasciato", 1), code("f", "donna", 4)],
        },
        Column {
            name: "profilo".into(),
            meaning: "Classe del profilo: \"com'è\" <calcolata> & mostrata".into(),
            is_quasi_identifier: false,
            codes: vec![code("lieve", "svantaggio lieve", 5)],
        },
    ]
}

/// A report of five rows, all of one class.
fn report(after: Option<NaiveDate>) -> Report {
    let day = NaiveDate::from_ymd_opt(2026, 6, 30).unwrap();
    let table = crate::release::table::batch(vec![
        ("sesso".into(), vec!["f".to_owned(); 5]),
        ("profilo".into(), vec!["lieve".to_owned(); 5]),
    ])
    .unwrap();
    let checks =
        Checks::new(["sesso"], Rules::k(5).with(Sensitive::new("profilo").ordered_t(0.25, ["lieve", "grave"])));
    let measures = verify(&[table], &checks, &Beside::default()).unwrap().measures;
    Report {
        format: crate::release::REPORT,
        id: "asso-2026-06-30".into(),
        base: None,
        origin: Origin {
            instrument: "asso".into(),
            definitions_sha256: BTreeMap::new(),
            cutoff: day,
            entered_after: after,
            entered_by: day,
            count_enti: 3,
            count_humans: 5,
            count_without_code: None,
            count_in_several_enti: None,
            count_entered_outside: None,
            t_profile_max: Some(0.25),
            t_others_max: 0.35,
            l: 2,
            self_test: SelfTest {
                all_cells: 80,
                cells: 40,
                narrowed: 2,
                ruled_out: 0.025,
                guessed: 20,
                guessed_without: 19,
            },
        },
        created_at: "2026-07-01T08:00:00Z".parse().unwrap(),
        rows: 5,
        suppressed: 0,
        k: 5,
        quasi_identifiers: vec!["sesso".into()],
        measures,
        sha256: None,
    }
}

fn with_dataset(use_it: impl FnOnce(&Dataset<'_>)) {
    with_dataset_of(&report(None), &Terms::default(), use_it);
}

fn with_dataset_of(report: &Report, terms: &Terms, use_it: impl FnOnce(&Dataset<'_>)) {
    let columns = columns();
    let files = vec![DataFile::parquet(b"PAR1"), DataFile::csv(b"a\r\n")];
    use_it(&Dataset::new(report, "ASSO", terms, &columns, files));
}

fn file(dataset: &Dataset<'_>, name: &str) -> String {
    let files = dataset.files();
    files.into_iter().find(|(file, _)| *file == name).unwrap_or_else(|| panic!("no {name}")).1
}

#[test]
fn every_file_is_there_and_filled() {
    with_dataset(|dataset| {
        let names: Vec<&str> = dataset.files().iter().map(|(name, _)| *name).collect();
        assert_eq!(names.len(), 13);
        for (name, text) in dataset.files() {
            assert!(text.len() > 50 && text.ends_with('\n'), "{name}: {text}");
            assert!(
                !text.contains('{')
                    || name.contains("json")
                    || name.ends_with(".py")
                    || name.ends_with(".R")
                    || name.contains("html"),
                "{name}: {text}"
            );
            assert!(!text.contains("{strumento}") && !text.contains("{{"), "{name}: {text}");
        }
        assert!(!dataset.holder_code.is_empty() && !dataset.licence.is_empty() && !dataset.licence_title.is_empty());
    });
}

#[test]
fn texts_for_programs_and_people_are_escaped() {
    with_dataset(|dataset| {
        let codebook = file(dataset, "codebook.html");
        assert!(codebook.contains("&lt;calcolata&gt; &amp; mostrata"), "{codebook}");
        let ddi = file(dataset, "ddi.xml");
        assert!(ddi.contains("&lt;calcolata&gt; &amp; mostrata") && !ddi.contains("<calcolata>"), "{ddi}");
        assert!(
            ddi.contains("<catgry><catValu>f</catValu><labl>donna</labl><catStat type=\"freq\">4</catStat></catgry>"),
            "{ddi}"
        );
        // A double quote would end a label of Stata.
        assert!(
            file(dataset, "carica.do")
                .contains("label variable profilo `\"Classe del profilo: 'com'è' <calcolata> & mostrata\"'")
        );
        assert!(ddi.contains("<catgry missing=\"Y\" missType=\"non rilasciato\"><catValu>*</catValu>"), "{ddi}");
        assert!(file(dataset, "carica.do").contains("\nversion 14\nimport delimited"));
        assert!(file(dataset, "carica.do").contains("\nrename v2 profilo\nlabel variable profilo "));
        assert!(file(dataset, "dcat-ap_it.ttl").contains("dct:identifier \"asso-2026-06-30\""));
    });
}

#[test]
fn stata_gets_names_that_it_takes() {
    let names = ["profilo", "livello_iniziale_socio_occupabilita", "livello_iniziale_socio_occupabilita_oggi"];
    let given = super::stata_names(names.map(str::to_owned).to_vec());
    assert_eq!(given, ["profilo", "livello_iniziale_socio_occupabil", "livello_iniziale_socio_occupab_2"]);
    assert!(given.iter().all(|name| name.len() <= 32));
}

#[test]
fn all_of_them_say_the_same() {
    with_dataset(|dataset| {
        let json = |name: &str| -> Value { serde_json::from_str(&file(dataset, name)).unwrap() };
        let package = json("datapackage.json");
        let croissant = json("croissant.json");
        let dcat = json("dcat-ap_it.jsonld");
        let sha256 = hex::encode(Sha256::digest(b"PAR1"));
        assert_eq!(package["resources"][0]["hash"], format!("sha256:{sha256}"));
        assert_eq!(croissant["distribution"][0]["sha256"], sha256);
        for name in ["ddi.xml", "codebook.html"] {
            assert!(file(dataset, name).contains(&sha256), "{name}");
        }
        let fields = package["resources"][1]["schema"]["fields"].as_array().unwrap();
        assert_eq!(fields.len(), 2);
        assert_eq!(fields[0]["constraints"]["enum"], json!(["*", "f"]));
        assert_eq!(croissant["recordSet"][0]["field"][1]["source"]["extract"]["column"], "profilo");
        assert_eq!(dcat["dct:title"]["@value"], package["title"]);
        assert_eq!(package["title"], "Dati anonimi delle valutazioni ASSO fino al 2026-06-30");
        assert!(file(dataset, "citazione.txt").contains(&sha256));
    });
}

#[test]
fn checksums_are_those_of_sha256sum() {
    let sums = sums([("b", b"".as_slice()), ("a", b"abc")]);
    assert_eq!(
        sums,
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  b\n\
         ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  a\n"
    );
}

#[test]
fn window_terms_and_risk_are_told() {
    with_dataset(|dataset| {
        assert!(dataset.description.contains("per la prima volta entro il 2026-06-30"), "{}", dataset.description);
        let risk = file(dataset, "rapporto.html");
        for told in [
            "almeno 5 persone",
            "20,0 %",
            "dista da quella di tutti al massimo 0,250",
            "Grandezza dei gruppi",
            "su 5,0 % delle celle",
        ] {
            assert!(risk.contains(told), "{told}: {risk}");
        }
        assert!(!file(dataset, "licenza.txt").contains("si usano fino al"));
    });
    let terms = Terms {
        holder: "Comune di Prova".into(),
        expires_on: NaiveDate::from_ymd_opt(2029, 1, 31),
        ..Terms::default()
    };
    let after = NaiveDate::from_ymd_opt(2025, 6, 30);
    with_dataset_of(&report(after), &terms, |dataset| {
        assert!(dataset.description.contains("dopo il 2025-06-30 ed entro il 2026-06-30"), "{}", dataset.description);
        assert!(file(dataset, "licenza.txt").contains("si usano fino al 2029-01-31"));
        assert!(file(dataset, "ddi.xml").contains("Comune di Prova"));
    });
}
