//! Loss, CPU time and classes on the Adult data, for the cases of the table in the README.
//!
//! `cargo run --release -p anonymity --example adult -- FOLDER [case …] [--effort fast|default|more]
//! [--suppression FRACTION] [--mode global] [--rows FILE.csv] [--seed BYTE] [--attack]`
//!
//! FOLDER holds `adult.csv` and `adult_hierarchy_<attribute>.csv`, separated by `;`. One case in a process of its own,
//! under `/usr/bin/time -v`, is what the table states. With `--attack` the released table is attacked under each assumption,
//! and the guesses are held against the original.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anonymity::attack::{Assumed, Choice, Truth, attack};
use anonymity::{Anonymized, Effort, Hierarchy, Mode, QuasiIdentifier, Request, Rules, Seed, Sensitive, anonymize};
use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};

const ATTRIBUTES: [&str; 9] =
    ["sex", "age", "race", "marital-status", "education", "native-country", "workclass", "occupation", "salary-class"];

struct Case {
    name: &'static str,
    rules: Rules,
}

fn cases(folder: &Path) -> Result<Vec<Case>, Box<dyn Error>> {
    let occupation = || Sensitive::new("occupation");
    let tree = read_hierarchy(folder, "occupation")?;
    Ok(vec![
        Case { name: "k2", rules: Rules::k(2) },
        Case { name: "k5", rules: Rules::k(5) },
        Case { name: "k10", rules: Rules::k(10) },
        Case { name: "k25", rules: Rules::k(25) },
        Case { name: "l2", rules: Rules::k(5).with(occupation().distinct_l(2)) },
        Case { name: "e3", rules: Rules::k(5).with(occupation().entropy_l(3.0)) },
        Case { name: "t2", rules: Rules::k(5).with(occupation().equal_t(0.2)) },
        Case { name: "h2", rules: Rules::k(5).with(occupation().hierarchical_t(0.2, tree)) },
    ])
}

#[expect(clippy::print_stdout, reason = "an example's output is its purpose")]
fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().ok_or("the folder of the Adult data is missing")?);
    let mut file = folder.join("adult.csv");
    let mut effort = Effort::Default;
    let mut mode = Mode::Local;
    let mut suppression = 0.0;
    let mut seed = 7;
    let mut is_attacked = false;
    let mut wanted = Vec::new();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--rows" => file = arguments.next().ok_or("--rows needs a file")?.into(),
            "--suppression" => suppression = arguments.next().ok_or("--suppression needs a fraction")?.parse()?,
            "--seed" => seed = arguments.next().ok_or("--seed needs a number")?.parse()?,
            "--attack" => is_attacked = true,
            "--mode" => {
                mode = match arguments.next().as_deref() {
                    Some("local") => Mode::Local,
                    Some("global") => Mode::Global,
                    _ => return Err("--mode is local or global".into()),
                }
            }
            "--effort" => {
                effort = match arguments.next().as_deref() {
                    Some("fast") => Effort::Fast,
                    Some("default") => Effort::Default,
                    Some("more") => Effort::More,
                    _ => return Err("--effort is fast, default or more".into()),
                }
            }
            _ => wanted.push(argument),
        }
    }
    let table = read_table(&file)?;
    for case in cases(&folder)? {
        if !wanted.is_empty() && !wanted.iter().any(|name| name == case.name) {
            continue;
        }
        let identifiers = ATTRIBUTES
            .iter()
            .filter(|&&name| case.rules.sensitive.iter().all(|sensitive| sensitive.column != name))
            .map(|&name| Ok(QuasiIdentifier::new(name, read_hierarchy(&folder, name)?)))
            .collect::<Result<_, Box<dyn Error>>>()?;
        let request = Request::new(identifiers, case.rules, Seed::new([seed; 32]))
            .mode(mode)
            .effort(effort)
            .suppression(suppression);
        let before = cpu_seconds();
        let released = anonymize(std::slice::from_ref(&table), &request)?;
        let measures = &released.report.measures;
        println!(
            "{:4} loss {:.5}  suppressed {}  classes {}  cpu {:.2} s",
            case.name,
            measures.loss.unwrap_or(f64::NAN),
            measures.suppressed,
            measures.classes,
            cpu_seconds() - before,
        );
        if is_attacked {
            print_attacks(&table, &request, &released)?;
        }
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "an example's output is its purpose")]
fn print_attacks(table: &RecordBatch, request: &Request, released: &Anonymized) -> Result<(), Box<dyn Error>> {
    let truth = Truth { original: table, origins: &released.origins, rules: &request.rules };
    for choice in [Choice::Greedy, Choice::Settled] {
        for is_tight in [true, false] {
            let assumed = Assumed { k: request.rules.k, choice, is_tight };
            let exposure = attack(&released.batch, &request.quasi_identifiers, assumed, Some(truth))?;
            println!("{assumed:?}\n{exposure:#?}");
        }
    }
    Ok(())
}

fn read_hierarchy(folder: &Path, attribute: &str) -> Result<Hierarchy, Box<dyn Error>> {
    let text = std::fs::read_to_string(folder.join(format!("adult_hierarchy_{attribute}.csv")))?;
    Ok(Hierarchy::from_text(&text, ';')?)
}

/// No quotes, no types: what these files need and no more.
fn read_table(file: &Path) -> Result<RecordBatch, Box<dyn Error>> {
    let text = std::fs::read_to_string(file)?;
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().ok_or("the table is empty")?.split(';').collect();
    let mut columns: Vec<Vec<&str>> = vec![Vec::new(); names.len()];
    for line in lines {
        for (column, value) in columns.iter_mut().zip(line.split(';')) {
            column.push(value);
        }
    }
    let fields: Vec<Field> = names.iter().map(|name| Field::new(*name, DataType::Utf8, false)).collect();
    let arrays = columns.into_iter().map(|column| Arc::new(StringArray::from(column)) as ArrayRef).collect();
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)?)
}

/// User time of this process in Linux's hundredths of a second; 0 elsewhere.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks: f64 = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .skip(11)
        .take(2)
        .flat_map(str::parse::<f64>)
        .sum();
    ticks / 100.0
}
