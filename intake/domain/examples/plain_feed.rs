//! Writes what a recount needs in the plain: `plain_feed SEGMENTS KEY OUT` opens the segments of a data folder with the pipeline's
//! ring, and writes `OUT/<ente>.jsonl`, an event a line, and `OUT/residents.json`: of every comune of the feed's provinces its name and
//! how many women and men live there, by year and age. For a demonstration: nothing of a real person may lie about like this.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use domain::feed::{Segment, VersionedEvent};
use domain::keys::{OpeningKey, Ring, RingKey};
use serde_json::{Value, json};
use territory::{AGE_MAX, Comune, Sex, comuni, population, population_years};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [segments, key, out] = arguments.as_slice() else { return Err("plain_feed SEGMENTS KEY OUT".into()) };
    let key = RingKey::parse(&fs::read_to_string(key)?, Ring::Pipeline)?.opening();
    let mut provinces = BTreeSet::new();
    for entry in fs::read_dir(segments)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if let Some(ente) = name.strip_prefix("ente=") {
            let to = Path::new(out).join(format!("{ente}.jsonl"));
            write_ente(&Path::new(segments).join(&name), &key, &to, &mut provinces)?;
        }
    }
    let of_feed = comuni().iter().map(|comune| (comune.code.to_string(), comune));
    let of_feed = of_feed.filter(|(code, _)| code.get(..3).is_some_and(|province| provinces.contains(province)));
    let residents: BTreeMap<String, Value> = of_feed.map(|(code, comune)| (code, residents(comune))).collect();
    fs::write(Path::new(out).join("residents.json"), serde_json::to_vec(&residents)?)?;
    Ok(())
}

fn write_ente(
    folder: &Path,
    key: &OpeningKey,
    to: &Path,
    provinces: &mut BTreeSet<String>,
) -> Result<(), Box<dyn Error>> {
    let mut files: Vec<_> = fs::read_dir(folder)?.collect::<Result<_, _>>()?;
    files.retain(|file| file.path().extension().is_some_and(|extension| extension == "segment"));
    files.sort_by_key(fs::DirEntry::file_name);
    let mut written = BufWriter::new(File::create(to)?);
    for file in files {
        for event in Segment::open(&fs::read(file.path())?, key)?.into_events() {
            let event = serde_json::to_value(VersionedEvent::V1(event))?;
            let comune = event.get("comune").and_then(Value::as_str);
            provinces.extend(comune.and_then(|code| code.get(..3)).map(str::to_owned));
            writeln!(written, "{event}")?;
        }
    }
    written.flush()?;
    Ok(())
}

fn residents(comune: &Comune) -> Value {
    let of = |year: i32, sex: Sex| -> Vec<u32> {
        (0..=AGE_MAX).map(|age| population(comune.code, year, Some(sex), age..=age).unwrap_or_default()).collect()
    };
    let by_year: BTreeMap<String, Value> = population_years()
        .iter()
        .map(|&year| (year.to_string(), json!({ "f": of(year, Sex::Female), "m": of(year, Sex::Male) })))
        .collect();
    json!({ "name": comune.name, "by_year": by_year })
}
