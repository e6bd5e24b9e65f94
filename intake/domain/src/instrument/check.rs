//! The rules of docs/definition-format.md: from a file's shapes to an [`Instrument`], or all that is wrong with it.
//!
//! Errors are collected, not thrown at the first: whoever writes seventy-five items wants one list.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::text::has_hidden_characters;

mod format_2;

use self::format_2::Crosswalk;
use super::file::{
    DefinitionFile, FileAzione, FileBlock, FileItem, FileKey, FileMapping, FileMissingKind, FileOption, FileProfile,
    FileScale, FileStatus, FileText, VersionedDefinition,
};
use super::{
    AnswerOption, Azione, Block, Id, Instrument, Item, Level, MappedItem, Mapping, Minimum, Missing, MissingChoice,
    Profile, ProfileClass, ProfileRule, Reliability, Scale, Section, Status, Text,
};

/// The rules, by the code that `noncello instrument check` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// The file is TOML, with the keys of the format and no others.
    Toml,
    /// A format that this program reads.
    Format,
    /// The file, its items and scales are not too many.
    Size,
    /// Ids have the form of ids.
    Id,
    /// No id or value twice where it must be unique.
    Unique,
    /// Texts have the languages that the file declares.
    Language,
    /// Texts hide nothing from their reader.
    Text,
    /// No empty text; at least one section, item and scale.
    Empty,
    /// What is named exists.
    Known,
    /// Number and values of options.
    Options,
    /// Points and keys.
    Points,
    /// Every scale can be scored.
    Weight,
    /// When a result is valid.
    Minimum,
    /// Levels rise from 0.
    Levels,
    /// Blocks cap something and are set by something.
    Caps,
    /// The profile decides every combination.
    Profile,
    /// Azioni are proposed, once a list.
    Azioni,
    /// Figures of reliability are possible.
    Reliability,
    /// Earlier versions map to what exists.
    Mapping,
    /// Rules of consistency ask for something that can be, and can be changed.
    Consistency,
    /// Lists of areas and chapters say something.
    Crosswalk,
    /// Easy words for all levels of a scale, and for all classes, or for none.
    Easy,
    /// When to assess again.
    Reassess,
}

impl Rule {
    /// The code in docs/definition-format.md.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Toml => "toml",
            Self::Format => "format",
            Self::Size => "size",
            Self::Id => "id",
            Self::Unique => "unique",
            Self::Language => "language",
            Self::Text => "text",
            Self::Empty => "empty",
            Self::Known => "known",
            Self::Options => "options",
            Self::Points => "points",
            Self::Weight => "weight",
            Self::Minimum => "minimum",
            Self::Levels => "levels",
            Self::Caps => "caps",
            Self::Profile => "profile",
            Self::Azioni => "azioni",
            Self::Reliability => "reliability",
            Self::Mapping => "mapping",
            Self::Consistency => "consistency",
            Self::Crosswalk => "crosswalk",
            Self::Easy => "easy",
            Self::Reassess => "reassess",
        }
    }
}

/// One thing that is wrong with a definition file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefinitionError {
    /// Where: `item eta_fascia, option 2`.
    pub place: String,
    /// Which rule.
    pub rule: Rule,
    /// What is wrong and what would be right.
    pub message: String,
}

impl fmt::Display for DefinitionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: [{}] {}", self.place, self.rule.code(), self.message)
    }
}

impl std::error::Error for DefinitionError {}

/// The largest file read, in bytes: more than ten times the strumenti shipped.
pub(super) const FILE_BYTES_MAX: usize = 2 * 1024 * 1024;
/// With at most 1,000 points an item, points on a scale stay at or below 500,000; scoring counts on that.
const ITEMS_MAX: usize = 500;
const SCALES_MAX: usize = 50;
/// Columns that every table of answers has besides those of its items; `anno` is the year that splits it.
pub const RESERVED_ITEM_IDS: [&str; 5] = ["anno", "assessed_on", "assessment_id", "pseudonym", "version"];
/// How many names an error lists.
const NAMES_SHOWN_MAX: usize = 12;

pub(super) fn check(file: VersionedDefinition, sha256: String) -> Result<Instrument, Vec<DefinitionError>> {
    let (is_format_1, file) = match file {
        VersionedDefinition::V1(file) => (true, file),
        VersionedDefinition::V2(file) => (false, file),
    };
    let mut checker = Checker { errors: Vec::new(), languages: file.languages.clone() };
    if is_format_1 {
        checker.check_is_format_1(&file);
    }
    checker.run(*file, sha256)
}

struct Checker {
    errors: Vec<DefinitionError>,
    languages: Vec<String>,
}

/// Ids of one kind with their place in the list; the first wins where one stands twice.
type Names = BTreeMap<String, usize>;

/// What the options of an item may name.
struct OptionNames<'a> {
    sets: &'a Names,
    scales: &'a Names,
    blocks: &'a Names,
}

impl Checker {
    fn run(mut self, file: DefinitionFile, sha256: String) -> Result<Instrument, Vec<DefinitionError>> {
        self.check_head(&file);
        // Work below grows with items × scales: a file that has too many of them stops here.
        if self.errors.iter().any(|error| error.rule == Rule::Size) {
            return Err(self.errors);
        }
        let azione_names = self.names("azione", file.azioni.iter().map(|azione| azione.id.as_str()));
        let scale_names = self.names("scale", file.scales.iter().map(|scale| scale.id.as_str()));
        let block_names = self.names("block", file.blocks.iter().map(|block| block.id.as_str()));
        let set_names = self.names("option set", file.option_sets.iter().map(|set| set.id.as_str()));
        let item_names =
            self.names("item", file.sections.iter().flat_map(|section| &section.items).map(|item| item.id.as_str()));
        self.names("section", file.sections.iter().map(|section| section.id.as_str()));

        let scales: Vec<Scale> = file.scales.iter().map(|scale| self.scale(scale, &azione_names)).collect();
        let blocks: Vec<Block> =
            file.blocks.iter().map(|block| self.block(block, &scale_names, &scales, &azione_names)).collect();
        for set in &file.option_sets {
            self.check_option_set(&set.id, &set.options);
        }

        let offered: Vec<Missing> = file.missing.iter().map(|missing| kind(missing.kind)).collect();
        let missing = file
            .missing
            .iter()
            .map(|missing| MissingChoice {
                kind: kind(missing.kind),
                label: self.text("head, missing", &missing.label),
            })
            .collect();
        if offered.iter().collect::<BTreeSet<_>>().len() < offered.len() {
            self.refuse("head", Rule::Unique, "a kind of missing is listed twice");
        }

        let mut items: Vec<Item> = Vec::new();
        let mut sections = Vec::new();
        for section in &file.sections {
            let place = format!("section {}", section.id);
            let first = items.len();
            let crosswalk = self.section_crosswalk(section);
            for item in &section.items {
                let names = OptionNames { sets: &set_names, scales: &scale_names, blocks: &block_names };
                let checked = self.item(item, &file, &names, &offered, &crosswalk);
                items.push(checked);
            }
            if section.items.is_empty() {
                self.refuse(&place, Rule::Empty, "a section needs at least one item");
            }
            sections.push(Section {
                id: self.id(&place, &section.id),
                title: self.text(&place, &section.title),
                intro: section.intro.as_ref().map(|intro| self.text(&place, intro)),
                items: first..items.len(),
            });
        }
        self.check_weights(&scales, &items);
        self.check_blocks_are_set(&blocks, &items);

        let azioni: Vec<Azione> = file.azioni.iter().map(|azione| self.azione(azione)).collect();
        let profile = file.profile.as_ref().map(|profile| self.profile(profile, &scale_names, &scales, &azione_names));
        self.check_azioni_are_proposed(&azioni, &scales, &blocks, profile.as_ref());
        let mappings = self.mappings(&file.mappings, file.version, &item_names, &items);
        let consistency = self.consistency(&file.consistency, &item_names, &items);
        let reassess_after_days = self.reassess_after_days(&file);
        let reliability_enough = self.reliability_enough(&file);

        let instrument = Instrument {
            id: self.id("head", &file.id),
            version: file.version,
            status: match file.status {
                FileStatus::Official => Status::Official,
                FileStatus::Unofficial => Status::Unofficial,
            },
            title: self.text("head, title", &file.title),
            subtitle: file.subtitle.as_ref().map(|text| self.text("head, subtitle", text)),
            description: self.text("head, description", &file.description),
            source: self.text("head, source", &file.source),
            licence: file.licence.clone(),
            window_days: file.window_days,
            reassess_after_days,
            reliability_enough,
            missing,
            sections,
            items,
            scales,
            blocks,
            azioni,
            profile,
            consistency,
            mappings,
            languages: self.languages,
            sha256,
        };
        if self.errors.is_empty() { Ok(instrument) } else { Err(self.errors) }
    }

    fn refuse(&mut self, place: &str, rule: Rule, message: impl Into<String>) {
        // Places and messages hold texts of the file: nothing in them may play with the terminal that shows them.
        let shown = |text: &str| text.chars().flat_map(visible).collect();
        self.errors.push(DefinitionError { place: shown(place), rule, message: shown(&message.into()) });
    }

    fn check_head(&mut self, file: &DefinitionFile) {
        if file.version == 0 {
            self.refuse("head", Rule::Id, "versions start at 1");
        }
        if file.licence.trim().is_empty() {
            self.refuse("head", Rule::Empty, "licence is empty");
        }
        if file.languages.is_empty() {
            self.refuse("head", Rule::Language, "languages needs at least one tag, such as \"it\"");
        }
        for language in &file.languages {
            let is_tag = language.starts_with(|c: char| c.is_ascii_alphabetic())
                && language.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
            if !is_tag {
                self.refuse("head", Rule::Language, format!("«{language}» is not a language tag"));
            }
        }
        if file.languages.iter().collect::<BTreeSet<_>>().len() < file.languages.len() {
            self.refuse("head", Rule::Language, "a language is listed twice");
        }
        let count_items: usize = file.sections.iter().map(|section| section.items.len()).sum();
        if count_items > ITEMS_MAX {
            self.refuse("head", Rule::Size, format!("{count_items} items; there can be {ITEMS_MAX}"));
        }
        if file.scales.len() > SCALES_MAX {
            self.refuse("head", Rule::Size, format!("{} scales; there can be {SCALES_MAX}", file.scales.len()));
        }
        if file.sections.is_empty() {
            self.refuse("head", Rule::Empty, "at least one [[section]] is needed");
        }
        if file.scales.is_empty() {
            self.refuse("head", Rule::Empty, "at least one [[scale]] is needed");
        }
    }

    /// An id; one that is wrong is reported and stands in for itself, so that checking can go on.
    fn id(&mut self, place: &str, text: &str) -> Id {
        Id::parse(text).unwrap_or_else(|error| {
            self.refuse(place, Rule::Id, error.to_string());
            Id(text.to_owned())
        })
    }

    fn item_id(&mut self, place: &str, text: &str) -> Id {
        if RESERVED_ITEM_IDS.contains(&text) {
            self.refuse(place, Rule::Id, "every table of answers has a column of this name: choose another id");
        }
        self.id(place, text)
    }

    fn names<'a>(&mut self, what: &str, ids: impl Iterator<Item = &'a str>) -> Names {
        let mut names = Names::new();
        for (index, id) in ids.enumerate() {
            if names.contains_key(id) {
                self.refuse(
                    &format!("{what} {id}"),
                    Rule::Unique,
                    format!("the id of this {what} stands twice in the file"),
                );
            } else {
                names.insert(id.to_owned(), index);
            }
        }
        names
    }

    /// What `id` names, or an error that says what there is.
    fn known(&mut self, place: &str, what: &str, id: &str, names: &Names) -> Option<usize> {
        let found = names.get(id).copied();
        if found.is_none() {
            let some: Vec<&str> = names.keys().take(NAMES_SHOWN_MAX).map(String::as_str).collect();
            let there_is = match names.len() {
                0 => "there is none".to_owned(),
                count if count > NAMES_SHOWN_MAX => {
                    format!("there is: {} and {} more", some.join(", "), count - NAMES_SHOWN_MAX)
                }
                _ => format!("there is: {}", some.join(", ")),
            };
            self.refuse(place, Rule::Known, format!("no {what} «{id}»; {there_is}"));
        }
        found
    }

    fn text(&mut self, place: &str, text: &FileText) -> Text {
        let first = self.languages.first().cloned().unwrap_or_default();
        let checked = match text {
            FileText::One(one) => Text { default: fold(one), others: BTreeMap::new() },
            FileText::Many(many) => {
                let declared: BTreeSet<&String> = self.languages.iter().collect();
                let given: BTreeSet<&String> = many.keys().collect();
                if declared != given {
                    let message = format!(
                        "the text has the languages {}, the file declares {}",
                        join(many.keys()),
                        join(self.languages.iter())
                    );
                    self.refuse(place, Rule::Language, message);
                }
                let folded: BTreeMap<String, String> =
                    many.iter().map(|(language, text)| (language.clone(), fold(text))).collect();
                if folded.values().any(String::is_empty) {
                    self.refuse(place, Rule::Empty, "the text is empty in one of its languages");
                }
                Text { default: folded.get(&first).cloned().unwrap_or_default(), others: folded }
            }
        };
        if checked.default.is_empty() {
            self.refuse(place, Rule::Empty, "the text is empty");
        }
        if std::iter::once(&checked.default).chain(checked.others.values()).any(|text| has_hidden_characters(text)) {
            self.refuse(
                place,
                Rule::Text,
                "the text has control characters, marks of direction or spaces without width",
            );
        }
        checked
    }

    fn azioni(&mut self, place: &str, ids: &[String], names: &Names) -> Vec<usize> {
        if ids.iter().collect::<BTreeSet<_>>().len() < ids.len() {
            self.refuse(place, Rule::Azioni, "an azione is named twice in one list");
        }
        ids.iter().filter_map(|id| self.known(place, "azione", id, names)).collect()
    }

    fn azione(&mut self, azione: &FileAzione) -> Azione {
        let place = format!("azione {}", azione.id);
        Azione {
            id: self.id(&place, &azione.id),
            title: self.text(&place, &azione.title),
            text: self.text(&place, &azione.text),
        }
    }

    fn scale(&mut self, scale: &FileScale, azione_names: &Names) -> Scale {
        let place = format!("scale {}", scale.id);
        let minimum = match (scale.minimum_percent, scale.minimum_items) {
            (Some(percent), None) => match i32::try_from(percent) {
                Ok(percent @ 1..=100) => Minimum::WeightPercent(percent),
                _ => {
                    self.refuse(&place, Rule::Minimum, format!("minimum_percent is {percent}; it goes from 1 to 100"));
                    Minimum::WeightPercent(100)
                }
            },
            (None, Some(items)) => match usize::try_from(items) {
                Ok(items) if items > 0 => Minimum::Items(items),
                _ => {
                    self.refuse(&place, Rule::Minimum, format!("minimum_items is {items}; at least 1 is needed"));
                    Minimum::Items(1)
                }
            },
            (None, None) | (Some(_), Some(_)) => {
                self.refuse(&place, Rule::Minimum, "give exactly one of minimum_percent and minimum_items");
                Minimum::WeightPercent(100)
            }
        };
        let reliability = scale.reliability.as_ref().map(|reliability| Reliability {
            sem_hundredths: self.within(
                &place,
                Rule::Reliability,
                "sem_hundredths",
                reliability.sem_hundredths,
                1..=10_000,
            ),
            alpha_thousandths: reliability
                .alpha_thousandths
                .map(|alpha| self.within(&place, Rule::Reliability, "alpha_thousandths", alpha, -1_000_000..=1_000)),
            source: self.text(&place, &reliability.source),
        });
        Scale {
            id: self.id(&place, &scale.id),
            title: self.text(&place, &scale.title),
            easy_title: scale.easy_title.as_ref().map(|title| self.text(&format!("{place}, easy_title"), title)),
            description: self.text(&place, &scale.description),
            minimum,
            reliability,
            levels: self.levels(scale, azione_names),
        }
    }

    fn levels(&mut self, scale: &FileScale, azione_names: &Names) -> Vec<Level> {
        let scale_place = format!("scale {}", scale.id);
        self.names_within(&scale_place, "level", scale.levels.iter().map(|level| level.id.as_str()));
        if scale.levels.len() == 1 {
            self.refuse(&scale_place, Rule::Levels, "one level says nothing: give none, or two or more");
        }
        if scale.levels.first().is_some_and(|level| level.from != 0) {
            self.refuse(&scale_place, Rule::Levels, "the first level starts from 0");
        }
        if scale.levels.windows(2).any(|pair| pair[0].from >= pair[1].from) {
            self.refuse(
                &scale_place,
                Rule::Levels,
                "levels go from the lowest to the highest, each from a higher index",
            );
        }
        let is_any_easy = scale.levels.iter().any(|level| level.easy.is_some());
        scale
            .levels
            .iter()
            .map(|level| {
                let place = format!("scale {}, level {}", scale.id, level.id);
                Level {
                    id: self.id(&place, &level.id),
                    title: self.text(&place, &level.title),
                    from: self.within(&place, Rule::Levels, "from", level.from, 0..=100),
                    paragraph: self.text(&place, &level.paragraph),
                    easy: self.easy(&place, level.easy.as_ref(), is_any_easy),
                    azioni: self.azioni(&place, &level.azioni, azione_names),
                }
            })
            .collect()
    }

    fn names_within<'a>(&mut self, place: &str, what: &str, ids: impl Iterator<Item = &'a str>) {
        let mut seen = BTreeSet::new();
        for id in ids {
            if !seen.insert(id) {
                self.refuse(place, Rule::Unique, format!("{what} {id} stands twice"));
            }
        }
    }

    fn within(&mut self, place: &str, rule: Rule, what: &str, value: i64, range: std::ops::RangeInclusive<i64>) -> i32 {
        match i32::try_from(value) {
            Ok(fitting) if range.contains(&value) => fitting,
            _ => {
                self.refuse(
                    place,
                    rule,
                    format!("{what} is {value}; it goes from {} to {}", range.start(), range.end()),
                );
                0
            }
        }
    }

    fn block(&mut self, block: &FileBlock, scale_names: &Names, scales: &[Scale], azione_names: &Names) -> Block {
        let place = format!("block {}", block.id);
        if block.caps.is_empty() {
            self.refuse(&place, Rule::Caps, "a block caps at least one scale");
        }
        let mut caps = BTreeMap::new();
        for (scale_id, level_id) in &block.caps {
            let Some(scale) = self.known(&place, "scale", scale_id, scale_names) else { continue };
            let levels = &scales[scale].levels;
            match levels.iter().position(|level| level.id.as_str() == level_id) {
                Some(level) if level + 1 == levels.len() => {
                    self.refuse(
                        &place,
                        Rule::Caps,
                        format!("{level_id} is the highest level of {scale_id}: it caps nothing"),
                    );
                }
                Some(level) => {
                    caps.insert(scale, level);
                }
                None => self.refuse(&place, Rule::Known, format!("scale {scale_id} has no level «{level_id}»")),
            }
        }
        Block {
            id: self.id(&place, &block.id),
            title: self.text(&place, &block.title),
            text: self.text(&place, &block.text),
            caps,
            azioni: self.azioni(&place, &block.azioni, azione_names),
        }
    }

    fn check_option_values(&mut self, place: &str, options: &[FileOption]) {
        if !(2..=12).contains(&options.len()) {
            self.refuse(place, Rule::Options, format!("{} options; there must be 2 to 12", options.len()));
        }
        let mut seen = BTreeSet::new();
        for option in options {
            if !(0..=999).contains(&option.value) {
                self.refuse(place, Rule::Options, format!("value {}; values go from 0 to 999", option.value));
            }
            if !seen.insert(option.value) {
                self.refuse(place, Rule::Unique, format!("two options have the value {}", option.value));
            }
        }
    }

    fn check_option_set(&mut self, id: &str, options: &[FileOption]) {
        let place = format!("option set {id}");
        self.id(&place, id);
        self.check_option_values(&place, options);
        if options.iter().any(|option| !option.points.is_empty() || !option.blocks.is_empty()) {
            self.refuse(
                &place,
                Rule::Points,
                "options of a set have neither points nor blocks; give the item keys, or its own options",
            );
        }
    }

    fn item(
        &mut self,
        item: &FileItem,
        file: &DefinitionFile,
        names: &OptionNames<'_>,
        offered: &[Missing],
        section: &Crosswalk,
    ) -> Item {
        let place = format!("item {}", item.id);
        let options: &[FileOption] = match (&item.options, &item.option_set) {
            (Some(options), None) => {
                self.check_option_values(&place, options);
                options
            }
            (None, Some(set)) => {
                self.known(&place, "option set", set, names.sets).map_or(&[], |index| &file.option_sets[index].options)
            }
            (None, None) | (Some(_), Some(_)) => {
                self.refuse(&place, Rule::Options, "give exactly one of options and option_set");
                &[]
            }
        };
        if !item.keys.is_empty() && options.iter().any(|option| !option.points.is_empty()) {
            self.refuse(&place, Rule::Points, "an item has keys, or options with points, not both");
        }
        let keys: Vec<(usize, FileKey)> = item
            .keys
            .iter()
            .filter_map(|(scale, key)| self.known(&place, "scale", scale, names.scales).map(|scale| (scale, *key)))
            .collect();
        let options = options.iter().map(|option| self.option(&place, option, options, &keys, names)).collect();
        let missing = item
            .missing
            .as_ref()
            .map_or_else(|| offered.to_vec(), |kinds| kinds.iter().map(|missing| kind(*missing)).collect());
        if missing.iter().collect::<BTreeSet<_>>().len() < missing.len() {
            self.refuse(&place, Rule::Unique, "a kind of missing is listed twice");
        }
        for missing in &missing {
            if !offered.contains(missing) {
                self.refuse(&place, Rule::Known, "a kind of missing that the file's head does not offer");
            }
        }
        let (areas_147, icf) = self.item_crosswalk(item, section);
        Item {
            id: self.item_id(&place, &item.id),
            text: self.text(&place, &item.text),
            help: item.help.as_ref().map(|help| self.text(&place, help)),
            areas_147,
            icf,
            is_fixed: item.fixed,
            missing,
            options,
        }
    }

    fn option(
        &mut self,
        item_place: &str,
        option: &FileOption,
        all: &[FileOption],
        keys: &[(usize, FileKey)],
        names: &OptionNames<'_>,
    ) -> AnswerOption {
        let place = format!("{item_place}, option {}", option.value);
        self.names_within(&place, "block", option.blocks.iter().map(String::as_str));
        let lowest = all.iter().map(|option| option.value).min().unwrap_or(0);
        let highest = all.iter().map(|option| option.value).max().unwrap_or(0);
        let mut points = vec![0; names.scales.len()];
        for (scale, key) in keys {
            let value = match key {
                FileKey::Forward => option.value.saturating_sub(lowest),
                FileKey::Reverse => highest.saturating_sub(option.value),
            };
            // Values outside 0 to 999 have been refused; the points of such a file are never used.
            points[*scale] = i32::try_from(value).unwrap_or(0);
        }
        for (scale_id, value) in &option.points {
            if let Some(scale) = self.known(&place, "scale", scale_id, names.scales) {
                points[scale] = self.within(&place, Rule::Points, "points", *value, 0..=1000);
            }
        }
        AnswerOption {
            value: i16::try_from(option.value).unwrap_or(0),
            text: self.text(&place, &option.text),
            points,
            blocks: option.blocks.iter().filter_map(|block| self.known(&place, "block", block, names.blocks)).collect(),
        }
    }

    fn check_weights(&mut self, scales: &[Scale], items: &[Item]) {
        for (index, scale) in scales.iter().enumerate() {
            let place = format!("scale {}", scale.id);
            let counting = items.iter().filter(|item| item.weight(index) > 0).count();
            if counting == 0 {
                self.refuse(&place, Rule::Weight, "no item gives points to this scale");
            }
            if let Minimum::Items(minimum) = scale.minimum
                && minimum > counting
            {
                self.refuse(
                    &place,
                    Rule::Minimum,
                    format!("minimum_items is {minimum}, the scale has {counting} items"),
                );
            }
        }
    }

    fn check_blocks_are_set(&mut self, blocks: &[Block], items: &[Item]) {
        let set: BTreeSet<usize> =
            items.iter().flat_map(|item| &item.options).flat_map(|option| option.blocks.iter().copied()).collect();
        for (index, block) in blocks.iter().enumerate() {
            if !set.contains(&index) {
                self.refuse(&format!("block {}", block.id), Rule::Caps, "no option sets this block");
            }
        }
    }

    fn check_azioni_are_proposed(
        &mut self,
        azioni: &[Azione],
        scales: &[Scale],
        blocks: &[Block],
        profile: Option<&Profile>,
    ) {
        let proposed: BTreeSet<usize> = scales
            .iter()
            .flat_map(|scale| &scale.levels)
            .flat_map(|level| &level.azioni)
            .chain(blocks.iter().flat_map(|block| &block.azioni))
            .chain(profile.iter().flat_map(|profile| &profile.classes).flat_map(|class| &class.azioni))
            .copied()
            .collect();
        for (index, azione) in azioni.iter().enumerate() {
            if !proposed.contains(&index) {
                let place = format!("azione {}", azione.id);
                self.refuse(&place, Rule::Azioni, "no level, block or class proposes this azione");
            }
        }
    }

    fn profile(
        &mut self,
        profile: &FileProfile,
        scale_names: &Names,
        scales: &[Scale],
        azione_names: &Names,
    ) -> Profile {
        let errors_before = self.errors.len();
        self.names_within("profile", "scale", profile.scales.iter().map(String::as_str));
        let profile_scales: Vec<usize> =
            profile.scales.iter().filter_map(|id| self.known("profile", "scale", id, scale_names)).collect();
        for index in &profile_scales {
            if scales[*index].levels.is_empty() {
                self.refuse("profile", Rule::Profile, format!("scale {} has no levels", scales[*index].id));
            }
        }
        if profile_scales.is_empty() {
            self.refuse("profile", Rule::Profile, "a profile needs at least one scale");
        }
        if profile.classes.len() < 2 {
            self.refuse("profile", Rule::Profile, "a profile needs at least two classes");
        }
        let class_names = self.names("class", profile.classes.iter().map(|class| class.id.as_str()));
        let is_any_easy = profile.classes.iter().any(|class| class.easy.is_some());
        let classes = profile
            .classes
            .iter()
            .map(|class| {
                let place = format!("class {}", class.id);
                ProfileClass {
                    id: self.id(&place, &class.id),
                    title: self.text(&place, &class.title),
                    paragraph: self.text(&place, &class.paragraph),
                    easy: self.easy(&place, class.easy.as_ref(), is_any_easy),
                    azioni: self.azioni(&place, &class.azioni, azione_names),
                }
            })
            .collect();
        let mut rules = Vec::new();
        for (number, rule) in profile.rules.iter().enumerate() {
            let place = format!("profile rule {}", number + 1);
            let class = self.known(&place, "class", &rule.class, &class_names).unwrap_or(0);
            for scale_id in rule.when.keys() {
                if !profile.scales.contains(scale_id) {
                    self.refuse(&place, Rule::Known, format!("{scale_id} is not among the scales of the profile"));
                }
            }
            let mut levels = Vec::new();
            for index in &profile_scales {
                let scale = &scales[*index];
                let all: Names =
                    scale.levels.iter().enumerate().map(|(at, level)| (level.id.to_string(), at)).collect();
                levels.push(match rule.when.get(scale.id.as_str()) {
                    None => (0..scale.levels.len()).collect(),
                    Some(ids) => ids
                        .iter()
                        .filter_map(|id| self.known(&place, &format!("level of {}", scale.id), id, &all))
                        .collect(),
                });
            }
            rules.push(ProfileRule { class, levels });
        }
        let checked = Profile { title: self.text("profile", &profile.title), scales: profile_scales, classes, rules };
        if self.errors.len() == errors_before {
            self.check_profile_decides(&checked, scales);
        }
        checked
    }

    fn check_profile_decides(&mut self, profile: &Profile, scales: &[Scale]) {
        let mut met_rules = BTreeSet::new();
        let sizes: Vec<usize> = profile.scales.iter().map(|scale| scales[*scale].levels.len()).collect();
        let combinations = sizes.iter().try_fold(1_usize, |product, size| product.checked_mul(*size));
        if combinations.is_none_or(|combinations| combinations > 100_000) {
            self.refuse("profile", Rule::Profile, "more than 100,000 combinations of levels: use fewer scales");
            return;
        }
        let mut levels = vec![0; sizes.len()];
        loop {
            match profile.rules.iter().position(|rule| rule.fits(&levels)) {
                Some(rule) => {
                    met_rules.insert(rule);
                }
                None => {
                    let named: Vec<String> = profile
                        .scales
                        .iter()
                        .zip(&levels)
                        .map(|(scale, level)| format!("{} = {}", scales[*scale].id, scales[*scale].levels[*level].id))
                        .collect();
                    self.refuse("profile", Rule::Profile, format!("no rule decides {}", named.join(", ")));
                    return;
                }
            }
            // The next combination, as an odometer counts.
            let Some(wheel) = (0..sizes.len()).rev().find(|wheel| levels[*wheel] + 1 < sizes[*wheel]) else { break };
            levels[wheel] += 1;
            levels[wheel + 1..].fill(0);
        }
        for number in (0..profile.rules.len()).filter(|number| !met_rules.contains(number)) {
            let place = format!("profile rule {}", number + 1);
            self.refuse(&place, Rule::Profile, "never decides: the rules before it fit all its combinations");
        }
        let given: BTreeSet<usize> = met_rules.iter().map(|rule| profile.rules[*rule].class).collect();
        for (index, class) in profile.classes.iter().enumerate() {
            if !given.contains(&index) {
                self.refuse(&format!("class {}", class.id), Rule::Profile, "no combination of levels gives this class");
            }
        }
    }

    fn mappings(&mut self, files: &[FileMapping], version: u32, item_names: &Names, items: &[Item]) -> Vec<Mapping> {
        let mut seen = BTreeSet::new();
        let mut mappings = Vec::new();
        for file in files {
            let place = format!("mapping from version {}", file.from_version);
            if file.from_version == 0 || file.from_version >= version {
                self.refuse(&place, Rule::Mapping, format!("an earlier version than {version} is needed, from 1"));
            }
            if !seen.insert(file.from_version) {
                self.refuse(&place, Rule::Unique, "this version is mapped twice");
            }
            let mut mapped = BTreeMap::new();
            let mut targets = BTreeSet::new();
            for item in &file.items {
                let place = format!("{place}, item {}", item.from);
                let from = self.id(&place, &item.from);
                let Some(to) = self.known(&place, "item", &item.to, item_names) else { continue };
                if !targets.insert(to) {
                    self.refuse(&place, Rule::Mapping, format!("{} is already the successor of another item", item.to));
                }
                let values = item.values.as_ref().map(|pairs| self.mapped_values(&place, pairs, &items[to]));
                if mapped.insert(from, MappedItem { to, values }).is_some() {
                    self.refuse(&place, Rule::Unique, "this item is mapped twice");
                }
            }
            mappings.push(Mapping { from_version: file.from_version, items: mapped });
        }
        mappings
    }

    fn mapped_values(&mut self, place: &str, pairs: &[(i64, i64)], target: &Item) -> BTreeMap<i16, i16> {
        let mut values = BTreeMap::new();
        for (old, new) in pairs {
            let value = |value: i64| i16::try_from(value).ok().filter(|value| (0..=999).contains(value));
            let (Some(old_value), Some(new_value)) = (value(*old), value(*new)) else {
                self.refuse(place, Rule::Mapping, format!("[{old}, {new}]: values go from 0 to 999"));
                continue;
            };
            if target.option(new_value).is_none() {
                self.refuse(place, Rule::Mapping, format!("{} has no option with the value {new}", target.id));
            }
            if values.insert(old_value, new_value).is_some() {
                self.refuse(place, Rule::Unique, format!("the value {old} is mapped twice"));
            }
        }
        values
    }
}

fn kind(kind: FileMissingKind) -> Missing {
    match kind {
        FileMissingKind::NotAssessable => Missing::NotAssessable,
        FileMissingKind::Refused => Missing::Refused,
    }
}

/// A character as an error may show it.
fn visible(character: char) -> Vec<char> {
    if has_hidden_characters(&character.to_string()) { character.escape_unicode().collect() } else { vec![character] }
}

fn join<'a>(words: impl Iterator<Item = &'a String>) -> String {
    words.map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// Runs of white space to one space; an empty line parts paragraphs.
fn fold(text: &str) -> String {
    let mut paragraphs: Vec<Vec<&str>> = vec![Vec::new()];
    for line in text.lines() {
        if line.trim().is_empty() {
            paragraphs.push(Vec::new());
        } else if let Some(paragraph) = paragraphs.last_mut() {
            paragraph.extend(line.split_whitespace());
        }
    }
    let paragraphs: Vec<String> =
        paragraphs.iter().filter(|words| !words.is_empty()).map(|words| words.join(" ")).collect();
    paragraphs.join("\n\n")
}
