//! The stored format of a definition, version by version.
//!
//! Only shapes here: what serde can refuse (unknown keys, wrong types) is refused, meaning is left to `check`.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::check::{DefinitionError, FILE_BYTES_MAX, Rule};

/// Every format ever written can be read. Format 2 is format 1 with optional parts more, so both have one shape;
/// `check` refuses the parts that a file of format 1 cannot have.
pub(super) enum VersionedDefinition {
    V1(Box<DefinitionFile>),
    V2(Box<DefinitionFile>),
}

/// The one key that every format has.
#[derive(Deserialize)]
struct Head {
    format: Option<i64>,
}

impl VersionedDefinition {
    pub(super) fn read(text: &str) -> Result<Self, Vec<DefinitionError>> {
        let refuse = |rule, message: String| vec![DefinitionError { place: "file".into(), rule, message }];
        if text.len() > FILE_BYTES_MAX {
            let message = format!("{} bytes; a definition file has {FILE_BYTES_MAX} at most", text.len());
            return Err(refuse(Rule::Size, message));
        }
        let head: Head = toml::from_str(text).map_err(|error| refuse(Rule::Toml, error.to_string()))?;
        let definition = || toml::from_str(text).map(Box::new).map_err(|error| refuse(Rule::Toml, error.to_string()));
        match head.format {
            Some(1) => definition().map(Self::V1),
            Some(2) => definition().map(Self::V2),
            Some(other) => {
                let message =
                    format!("format = {other} is not known here; this program reads format = 1 and format = 2");
                Err(refuse(Rule::Format, message))
            }
            None => Err(refuse(Rule::Format, "the first key, format = 2, is missing".into())),
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a text, or a table of texts by language")]
pub(super) enum FileText {
    One(String),
    Many(BTreeMap<String, String>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DefinitionFile {
    #[expect(dead_code, reason = "read by Head; named here because unknown keys are refused")]
    pub(super) format: u32,
    pub(super) id: String,
    pub(super) version: u32,
    pub(super) status: FileStatus,
    pub(super) languages: Vec<String>,
    pub(super) title: FileText,
    pub(super) subtitle: Option<FileText>,
    pub(super) description: FileText,
    pub(super) source: FileText,
    pub(super) licence: String,
    pub(super) window_days: Option<u32>,
    pub(super) reassess_after_days: Option<i64>,
    pub(super) reliability_enough: Option<FileReliabilityEnough>,
    #[serde(default)]
    pub(super) missing: Vec<FileMissing>,
    #[serde(default, rename = "option_set")]
    pub(super) option_sets: Vec<FileOptionSet>,
    #[serde(default, rename = "section")]
    pub(super) sections: Vec<FileSection>,
    #[serde(default, rename = "scale")]
    pub(super) scales: Vec<FileScale>,
    #[serde(default, rename = "block")]
    pub(super) blocks: Vec<FileBlock>,
    #[serde(default, rename = "azione")]
    pub(super) azioni: Vec<FileAzione>,
    pub(super) profile: Option<FileProfile>,
    #[serde(default, rename = "consistency")]
    pub(super) consistency: Vec<FileConsistency>,
    #[serde(default, rename = "mapping")]
    pub(super) mappings: Vec<FileMapping>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileReliabilityEnough {
    pub(super) people: i64,
}

#[derive(Deserialize)]
pub(super) enum FileStatus {
    #[serde(rename = "ufficiale")]
    Official,
    #[serde(rename = "non ufficiale")]
    Unofficial,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum FileMissingKind {
    NotAssessable,
    Refused,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileMissing {
    pub(super) kind: FileMissingKind,
    pub(super) label: FileText,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileOptionSet {
    pub(super) id: String,
    pub(super) options: Vec<FileOption>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileSection {
    pub(super) id: String,
    pub(super) title: FileText,
    pub(super) intro: Option<FileText>,
    pub(super) areas_147: Option<Vec<String>>,
    pub(super) icf: Option<Vec<String>>,
    #[serde(default, rename = "item")]
    pub(super) items: Vec<FileItem>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileItem {
    pub(super) id: String,
    pub(super) text: FileText,
    pub(super) help: Option<FileText>,
    pub(super) areas_147: Option<Vec<String>>,
    pub(super) icf: Option<Vec<String>>,
    #[serde(default)]
    pub(super) fixed: bool,
    pub(super) missing: Option<Vec<FileMissingKind>>,
    pub(super) options: Option<Vec<FileOption>>,
    pub(super) option_set: Option<String>,
    #[serde(default)]
    pub(super) keys: BTreeMap<String, FileKey>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum FileKey {
    Forward,
    Reverse,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileOption {
    pub(super) value: i64,
    pub(super) text: FileText,
    #[serde(default)]
    pub(super) points: BTreeMap<String, i64>,
    #[serde(default)]
    pub(super) blocks: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileScale {
    pub(super) id: String,
    pub(super) title: FileText,
    pub(super) easy_title: Option<FileText>,
    pub(super) description: FileText,
    pub(super) minimum_percent: Option<i64>,
    pub(super) minimum_items: Option<i64>,
    pub(super) reliability: Option<FileReliability>,
    #[serde(default, rename = "level")]
    pub(super) levels: Vec<FileLevel>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileReliability {
    pub(super) sem_hundredths: i64,
    pub(super) alpha_thousandths: Option<i64>,
    pub(super) source: FileText,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileLevel {
    pub(super) id: String,
    pub(super) title: FileText,
    pub(super) from: i64,
    pub(super) paragraph: FileText,
    pub(super) easy: Option<FileText>,
    #[serde(default)]
    pub(super) azioni: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileBlock {
    pub(super) id: String,
    pub(super) title: FileText,
    pub(super) text: FileText,
    pub(super) caps: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) azioni: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileAzione {
    pub(super) id: String,
    pub(super) title: FileText,
    pub(super) text: FileText,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileProfile {
    pub(super) title: FileText,
    pub(super) scales: Vec<String>,
    #[serde(default, rename = "class")]
    pub(super) classes: Vec<FileProfileClass>,
    #[serde(default, rename = "rule")]
    pub(super) rules: Vec<FileProfileRule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileProfileClass {
    pub(super) id: String,
    pub(super) title: FileText,
    pub(super) paragraph: FileText,
    pub(super) easy: Option<FileText>,
    #[serde(default)]
    pub(super) azioni: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileProfileRule {
    pub(super) class: String,
    #[serde(default)]
    pub(super) when: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileConsistency {
    pub(super) id: String,
    pub(super) severity: FileSeverity,
    pub(super) text: FileText,
    pub(super) when: FileWhen,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum FileSeverity {
    Soft,
    Hard,
}

/// The conditions of a rule of consistency. Codes stay text here: an unknown one is said with those that there are.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileWhen {
    #[serde(default)]
    pub(super) answers: BTreeMap<String, Vec<i64>>,
    pub(super) age_min: Option<i64>,
    pub(super) age_max: Option<i64>,
    pub(super) sex: Option<Vec<String>>,
    pub(super) education: Option<Vec<String>>,
    pub(super) citizenship: Option<Vec<String>>,
    pub(super) household: Option<Vec<String>>,
    pub(super) work: Option<Vec<String>>,
    pub(super) disadvantage_any: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileMapping {
    pub(super) from_version: u32,
    #[serde(default, rename = "item")]
    pub(super) items: Vec<FileMappedItem>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileMappedItem {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) values: Option<Vec<(i64, i64)>>,
}
