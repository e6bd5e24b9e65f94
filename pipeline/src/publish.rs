//! Hands an Ente's tables to the lake and its links to their file; ends an Ente whose agreement has ended.
//!
//! The links come first: once the manifest shows that an Ente is up to date nobody looks at its links again. A run that dies
//! in between leaves links of what is about to be visible, and the next run goes on.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::feed::{EnteId, SealedLink};
use rand::CryptoRng;
use warehouse::{Manifest, Publication, Published, TableData};

use crate::links;
use crate::partition::Accepted;
use crate::pseudonymize::{self, Pseudonyms};
use crate::report::{EnteReport, count, to_lake};
use crate::resolve::{Link, Person};
use crate::run::{Config, Halt};

/// The version of what the stages make of the same events: raised whenever it changes, so that every Ente is made anew.
pub(crate) const STAGES: i64 = 1;

/// What is published besides what the report says.
pub(crate) struct Outcome {
    /// The tables.
    pub(crate) tables: Vec<TableData>,
    /// The links of the people in them, by pseudonym.
    pub(crate) links: BTreeMap<String, SealedLink>,
    /// What the segment files were ([`crate::read::Files::mark`]).
    pub(crate) source_mark: String,
    /// The numbers of the events that erased somebody.
    pub(crate) erasures: Vec<i64>,
    /// How many events restricted somebody.
    pub(crate) restrictions: i64,
}

/// Makes the tables of an Ente visible and its links readable.
pub(crate) fn publish(
    config: &Config,
    report: &mut EnteReport,
    outcome: Outcome,
    pseudonyms: &Pseudonyms,
    now: DateTime<Utc>,
    chance: &mut impl CryptoRng,
) -> Result<(), Halt> {
    let publication = Publication {
        tables: outcome.tables,
        last_seq: report.last_seq,
        pseudonym_key_id: pseudonyms.key_id().to_owned(),
        instruments: config.instruments.clone(),
        counts: to_lake(&report.counts),
        source_mark: outcome.source_mark,
        stages: STAGES,
        erasures: outcome.erasures,
        restrictions: outcome.restrictions,
        keep_days: config.keep_days,
    };
    links::write(&config.links, report.ente, &outcome.links)?;
    let Published { version, files_written, files_kept, is_changed } =
        config.lake.publish(report.ente, publication, now, chance)?;
    report.lake_version = version;
    report.is_changed = is_changed;
    report.counts.files_written = count(files_written);
    report.counts.files_kept = count(files_kept);
    Ok(())
}

/// What is published of an Ente, when a run could not come to anything else: the same segments, stages, definitions, marts
/// and keys as before, and every file in its place. Files that need not be kept any longer are removed.
pub(crate) fn still_holds(
    config: &Config,
    ente: EnteId,
    source_mark: &str,
    now: DateTime<Utc>,
) -> Result<Option<Manifest>, Halt> {
    // What is damaged is made anew, or halts with what is wrong.
    let Ok(Some(published)) = config.lake.ente(ente) else { return Ok(None) };
    let Some(pseudonyms) = pseudonymize::open(&config.pseudonym_keys, ente, &config.ring)? else { return Ok(None) };
    let manifest = published.manifest().clone();
    let holds = published.damage().is_none()
        && manifest.source_mark.as_deref() == Some(source_mark)
        && manifest.stages == STAGES
        && manifest.pseudonym_key_id == pseudonyms.key_id()
        && published.is_of_today(&config.instruments)
        && links::path(&config.links, ente).is_file();
    drop(published);
    Ok((holds && config.lake.keep(&manifest, now, config.keep_days)?).then_some(manifest))
}

/// The links of the people in the tables, by pseudonym.
pub(crate) fn links_of(accepted: &[Accepted<'_>], links: &BTreeMap<Person, Link>) -> BTreeMap<String, SealedLink> {
    let link = |row: &Accepted<'_>| {
        Some((hex::encode(row.pseudonym), SealedLink(hex::encode(links.get(&row.current.person)?))))
    };
    accepted.iter().filter_map(link).collect()
}

/// Makes everything of an Ente unreadable, in every copy.
pub(crate) fn close(config: &Config, ente: EnteId) -> Result<(), Halt> {
    config.lake.close(ente)?;
    pseudonymize::destroy(&config.pseudonym_keys, ente)?;
    links::forget(&config.links, ente)?;
    Ok(())
}
