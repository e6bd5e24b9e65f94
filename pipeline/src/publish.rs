//! Hands an Ente's tables to the lake and its links to their file; ends an Ente whose agreement has ended.
//!
//! The links come second: a run that dies in between leaves the file as it was, and the next run mends it, since it
//! compares the file with what it should be and not with what it did.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::feed::EnteId;
use rand::CryptoRng;
use warehouse::{Counts as LakeCounts, Publication, Published, TableData};

use crate::links;
use crate::partition::Accepted;
use crate::pseudonymize::{self, Pseudonyms};
use crate::report::EnteReport;
use crate::run::{Config, Halt};
use domain::feed::{PersonToken, SealedLink};

/// Makes the tables of an Ente visible and its links readable.
pub(crate) fn publish(
    config: &Config,
    report: &mut EnteReport,
    tables: Vec<TableData>,
    links: &BTreeMap<String, SealedLink>,
    pseudonyms: &Pseudonyms,
    now: DateTime<Utc>,
    chance: &mut impl CryptoRng,
) -> Result<(), Halt> {
    let counts = LakeCounts {
        read: report.counts.current,
        accepted: report.counts.accepted,
        rejected: report.counts.rejected.clone(),
    };
    let publication = Publication {
        tables,
        last_seq: report.last_seq,
        pseudonym_key_id: pseudonyms.key_id().to_owned(),
        instruments: config.instruments.clone(),
        counts,
    };
    let Published { version, files_written, files_kept, is_changed } =
        config.lake.publish(report.ente, publication, now, chance)?;
    report.lake_version = version;
    report.is_changed = is_changed;
    report.counts.files_written = files_written.try_into().unwrap_or(i64::MAX);
    report.counts.files_kept = files_kept.try_into().unwrap_or(i64::MAX);
    links::write(&config.links, report.ente, links)?;
    Ok(())
}

/// The links of the people in the tables, by pseudonym.
pub(crate) fn links_of(
    accepted: &[Accepted<'_>],
    links: &BTreeMap<PersonToken, SealedLink>,
) -> BTreeMap<String, SealedLink> {
    accepted.iter().filter_map(|row| Some((row.pseudonym.clone(), links.get(&row.current.person)?.clone()))).collect()
}

/// Makes everything of an Ente unreadable, in every copy.
pub(crate) fn close(config: &Config, ente: EnteId) -> Result<(), Halt> {
    config.lake.close(ente)?;
    pseudonymize::destroy(&config.pseudonym_keys, ente)?;
    links::forget(&config.links, ente)?;
    Ok(())
}
