//! Writes every sample to a folder, to be looked at and for tests/browser/papers.test.js to read, and says how long each took;
//! beside them papers made of texts that are hard to set, and `hard.json`, which says which ones.
//!
//! `cargo run -p documents --example papers -- FOLDER`
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a tool for the hand: it prints, and measures with the clock"
)]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Instant;

use documents::{
    AccessReport, AccountsList, Agreement, Certificate, EasyReport, Fact, Interest, Paper, Part, Press, Report,
    Section, Sheet,
};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args_os().nth(1).ok_or("give a folder")?);
    let start = Instant::now();
    let press = Press::new()?;
    println!("{:<22}{:>6} ms", "press", start.elapsed().as_millis());
    for round in ["first", "again"] {
        write::<Report>(&press, &folder, round)?;
        write::<EasyReport>(&press, &folder, round)?;
        write::<AccessReport>(&press, &folder, round)?;
        write::<Agreement>(&press, &folder, round)?;
        write::<Interest>(&press, &folder, round)?;
        write::<Certificate>(&press, &folder, round)?;
        write::<AccountsList>(&press, &folder, round)?;
        write::<Sheet>(&press, &folder, round)?;
    }
    write_hard(&press, &folder)?;
    for line in std::fs::read_to_string("/proc/self/status").unwrap_or_default().lines() {
        if line.starts_with("VmHWM") || line.starts_with("VmRSS") {
            println!("{line}");
        }
    }
    Ok(())
}

fn write<P: Paper>(press: &Press, folder: &Path, round: &str) -> Result<(), Box<dyn Error>> {
    for (place, paper) in P::samples().iter().enumerate() {
        let start = Instant::now();
        let pdf = press.print(paper)?;
        let took = start.elapsed().as_millis();
        let name = format!("{}-{place}", P::FILE.trim_end_matches(".typ"));
        std::fs::write(folder.join(format!("{name}.pdf")), &pdf)?;
        println!("{name:<22}{took:>6} ms {:>7} bytes, {round}", pdf.len());
    }
    Ok(())
}

/// Texts in which something could be lost, the first an easy one.
fn hard() -> Vec<String> {
    let words = |count: usize| (1..=count).map(|number| format!("parola{number}")).collect::<Vec<_>>().join(" ");
    vec![
        "parola semplice".to_owned(),
        "#let x = 1; #x #set text(red) #panic()".to_owned(),
        "*non grassetto* _non corsivo_ `codice` $x^2$ \\ @rif <etichetta> // commento /* altro */ ~ -- --- ..."
            .to_owned(),
        "= Titolo\n- voce\n+ numero\n/ termine: testo".to_owned(),
        "\"virgolette\" 'apici' {graffe} [quadre] (tonde) & % ^ |".to_owned(),
        "https://example.org/a?b=c#d".to_owned(),
        "ufficio fiaba afflitto soffitto fjord".to_owned(),
        "Niccolò, Łucja, Đorđević, Олена, Αθηνά, გიორგი, Արամ ☺ → ≥ √".to_owned(),
        // Longer than a line, and longer than a page.
        "precipitevolissimevolmente".repeat(9),
        words(400),
    ]
}

/// Longer ones are no titles: of them the beginning stands in the six places of a title or a name.
const TITLE_LENGTH_MAX: usize = 200;

fn write_hard(press: &Press, folder: &Path) -> Result<(), Box<dyn Error>> {
    let mut told = Vec::new();
    for (place, hard) in hard().into_iter().enumerate() {
        let short: String = hard.chars().take(TITLE_LENGTH_MAX).collect();
        let (title, text) = (|| short.clone(), || hard.clone());
        let mut sheet = Sheet::samples().remove(1);
        sheet.title = title();
        sheet.sections = vec![Section {
            title: title(),
            parts: vec![
                Part::Paragraph { text: text() },
                Part::List { entries: vec![text()] },
                Part::Facts { facts: vec![Fact::new(title(), text())] },
                Part::Table {
                    caption: title(),
                    columns: vec![title(), "altra colonna".to_owned()],
                    rows: vec![vec![title(), text()]],
                    has_row_headers: true,
                },
            ],
            sections: Vec::new(),
        }];
        std::fs::write(folder.join(format!("hard-{place}.pdf")), press.print(&sheet)?)?;
        let places = if short == hard { 10 } else { 4 };
        told.push(serde_json::json!({ "text": hard, "places": places }));
    }
    std::fs::write(folder.join("hard.json"), serde_json::to_vec(&told)?)?;
    Ok(())
}
