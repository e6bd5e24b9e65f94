//! The rules of the parts that format 2 added: consistency, crosswalk, easy words, when to assess again.

use std::collections::{BTreeMap, BTreeSet};

use super::super::consistency::{Consistency, FactConditions, Severity};
use super::super::crosswalk::{Area147, IcfChapter};
use super::super::file::{DefinitionFile, FileConsistency, FileItem, FileSection, FileSeverity, FileText, FileWhen};
use super::super::{Item, Text};
use super::{Checker, Names, Rule};
use crate::person::{Citizenship, Disadvantage, Education, Household, Sex, Work};

/// The greatest age that a condition may name; ages are stored in a byte.
const AGE_MAX: i64 = 130;
/// Ten years: a longer interval is no follow-up but a mistake.
const REASSESS_DAYS_MAX: i64 = 3_650;
/// Below thirty people an estimate of reliability says more about chance than about the questionnaire.
const PEOPLE_MIN: i64 = 30;
const PEOPLE_MAX: i64 = 1_000_000;

/// The crosswalk of a section or an item.
pub(super) struct Crosswalk {
    areas_147: Option<Vec<Area147>>,
    icf: Option<Vec<IcfChapter>>,
}

impl Checker {
    /// A file of format 1 has none of these parts: what a program of its time would refuse is refused today.
    pub(super) fn check_is_format_1(&mut self, file: &DefinitionFile) {
        let mut newer: Vec<(String, &str)> = Vec::new();
        let mut note = |is_there: bool, place: String, key| {
            if is_there {
                newer.push((place, key));
            }
        };
        note(file.reassess_after_days.is_some(), "head".into(), "reassess_after_days");
        note(file.reliability_enough.is_some(), "head".into(), "reliability_enough");
        for rule in &file.consistency {
            note(true, format!("consistency {}", rule.id), "[[consistency]]");
        }
        for section in &file.sections {
            note(section.areas_147.is_some(), format!("section {}", section.id), "areas_147");
            note(section.icf.is_some(), format!("section {}", section.id), "icf");
            for item in &section.items {
                note(item.areas_147.is_some(), format!("item {}", item.id), "areas_147");
                note(item.icf.is_some(), format!("item {}", item.id), "icf");
            }
        }
        for scale in &file.scales {
            note(scale.easy_title.is_some(), format!("scale {}", scale.id), "easy_title");
            for level in &scale.levels {
                note(level.easy.is_some(), format!("scale {}, level {}", scale.id, level.id), "easy");
            }
        }
        for class in file.profile.iter().flat_map(|profile| &profile.classes) {
            note(class.easy.is_some(), format!("class {}", class.id), "easy");
        }
        for (place, key) in newer {
            self.refuse(&place, Rule::Format, format!("{key} belongs to format 2; this file says format = 1"));
        }
    }

    pub(super) fn reassess_after_days(&mut self, file: &DefinitionFile) -> Option<u32> {
        let days = file.reassess_after_days?;
        if !(1..=REASSESS_DAYS_MAX).contains(&days) {
            let message = format!("reassess_after_days is {days}; it goes from 1 to {REASSESS_DAYS_MAX}");
            self.refuse("head", Rule::Reassess, message);
            return None;
        }
        if let Some(window) = file.window_days.filter(|window| i64::from(*window) > days) {
            let message = format!(
                "reassess_after_days is {days}, but answers are about {window} days: two assessments would share some"
            );
            self.refuse("head", Rule::Reassess, message);
        }
        u32::try_from(days).ok()
    }

    pub(super) fn reliability_enough(&mut self, file: &DefinitionFile) -> Option<u32> {
        let people = file.reliability_enough.as_ref()?.people;
        if !(PEOPLE_MIN..=PEOPLE_MAX).contains(&people) {
            let message =
                format!("reliability_enough has people = {people}; it goes from {PEOPLE_MIN} to {PEOPLE_MAX}");
            self.refuse("head", Rule::Reliability, message);
            return None;
        }
        u32::try_from(people).ok()
    }

    pub(super) fn section_crosswalk(&mut self, section: &FileSection) -> Crosswalk {
        let place = format!("section {}", section.id);
        self.crosswalk(&place, section.areas_147.as_deref(), section.icf.as_deref())
    }

    /// Areas and chapters of an item: its own list where it has one, else that of its section.
    pub(super) fn item_crosswalk(&mut self, item: &FileItem, section: &Crosswalk) -> (Vec<Area147>, Vec<IcfChapter>) {
        let place = format!("item {}", item.id);
        let own = self.crosswalk(&place, item.areas_147.as_deref(), item.icf.as_deref());
        (
            own.areas_147.or_else(|| section.areas_147.clone()).unwrap_or_default(),
            own.icf.or_else(|| section.icf.clone()).unwrap_or_default(),
        )
    }

    fn crosswalk(&mut self, place: &str, areas_147: Option<&[String]>, icf: Option<&[String]>) -> Crosswalk {
        let areas: BTreeMap<String, Area147> =
            Area147::ALL.into_iter().map(|area| (area.code().to_owned(), area)).collect();
        let chapters: BTreeMap<String, IcfChapter> =
            IcfChapter::all().map(|chapter| (chapter.code(), chapter)).collect();
        Crosswalk {
            areas_147: areas_147.map(|codes| self.codes(place, Rule::Crosswalk, "area_147", codes, &areas)),
            icf: icf.map(|codes| self.codes(place, Rule::Crosswalk, "chapter of the ICF", codes, &chapters)),
        }
    }

    /// What a list of codes names, sorted; the list is neither empty nor repeats itself.
    fn codes<T: Copy + Ord>(
        &mut self,
        place: &str,
        rule: Rule,
        what: &str,
        codes: &[String],
        known: &BTreeMap<String, T>,
    ) -> Vec<T> {
        if codes.is_empty() {
            self.refuse(place, rule, format!("a list of {what} is empty: leave the key out"));
        }
        self.names_within(place, what, codes.iter().map(String::as_str));
        let names: Names = known.keys().enumerate().map(|(index, code)| (code.clone(), index)).collect();
        let found: BTreeSet<T> = codes
            .iter()
            .filter_map(|code| self.known(place, what, code, &names).and_then(|_| known.get(code).copied()))
            .collect();
        found.into_iter().collect()
    }

    /// A text in easy words, among others of its kind: all of them have one, or none has, so that no report is left
    /// half explained.
    pub(super) fn easy(&mut self, place: &str, easy: Option<&FileText>, is_any_easy: bool) -> Option<Text> {
        if is_any_easy && easy.is_none() {
            self.refuse(place, Rule::Easy, "easy is missing here and given elsewhere: give all or none");
        }
        easy.map(|easy| self.text(&format!("{place}, easy"), easy))
    }

    pub(super) fn consistency(
        &mut self,
        files: &[FileConsistency],
        item_names: &Names,
        items: &[Item],
    ) -> Vec<Consistency> {
        self.names("consistency", files.iter().map(|rule| rule.id.as_str()));
        files
            .iter()
            .map(|file| {
                let place = format!("consistency {}", file.id);
                let severity = match file.severity {
                    FileSeverity::Soft => Severity::Soft,
                    FileSeverity::Hard => Severity::Hard,
                };
                let answers = self.asked_answers(&place, &file.when, item_names, items);
                let facts = self.asked_facts(&place, &file.when);
                if file.when.answers.is_empty() && severity == Severity::Hard {
                    let message = "a hard rule names at least one answer: what blocks a questionnaire must be on it";
                    self.refuse(&place, Rule::Consistency, message);
                }
                if file.when.answers.is_empty() && facts.is_empty() {
                    self.refuse(&place, Rule::Consistency, "no condition: the rule would always fire");
                }
                Consistency {
                    id: self.id(&place, &file.id),
                    severity,
                    text: self.text(&place, &file.text),
                    answers,
                    facts,
                }
            })
            .collect()
    }

    fn asked_answers(
        &mut self,
        place: &str,
        when: &FileWhen,
        item_names: &Names,
        items: &[Item],
    ) -> BTreeMap<usize, BTreeSet<i16>> {
        let mut answers = BTreeMap::new();
        for (id, asked) in &when.answers {
            let Some(index) = self.known(place, "item", id, item_names) else { continue };
            let item = &items[index];
            if asked.is_empty() {
                self.refuse(place, Rule::Consistency, format!("{id} has no value: the rule would never fire"));
            }
            let mut values = BTreeSet::new();
            for value in asked {
                let option = i16::try_from(*value).ok().filter(|value| item.option(*value).is_some());
                match option {
                    None => {
                        self.refuse(place, Rule::Known, format!("item {id} has no option with the value {value}"));
                    }
                    Some(option) => {
                        if !values.insert(option) {
                            self.refuse(place, Rule::Unique, format!("the value {value} of {id} stands twice"));
                        }
                    }
                }
            }
            if !item.options.is_empty() && values.len() == item.options.len() {
                let message = format!("{id} has all its values: leave it out, or name those that matter");
                self.refuse(place, Rule::Consistency, message);
            }
            answers.insert(index, values);
        }
        answers
    }

    fn asked_facts(&mut self, place: &str, when: &FileWhen) -> FactConditions {
        let age_min = when.age_min.and_then(|age| self.age(place, "age_min", age));
        let age_max = when.age_max.and_then(|age| self.age(place, "age_max", age));
        if let (Some(least), Some(most)) = (age_min, age_max)
            && least > most
        {
            self.refuse(place, Rule::Consistency, format!("nobody is at least {least} and at most {most} years old"));
        }
        FactConditions {
            age_min,
            age_max,
            sex: self.asked_codes(place, "sex", when.sex.as_deref(), Sex::ALL, Sex::code),
            education: self.asked_codes(place, "education", when.education.as_deref(), Education::ALL, Education::code),
            citizenship: self.asked_codes(
                place,
                "citizenship",
                when.citizenship.as_deref(),
                Citizenship::ALL,
                Citizenship::code,
            ),
            household: self.asked_codes(place, "household", when.household.as_deref(), Household::ALL, Household::code),
            work: self.asked_codes(place, "work", when.work.as_deref(), Work::ALL, Work::code),
            disadvantage_any: self.asked_codes(
                place,
                "disadvantage",
                when.disadvantage_any.as_deref(),
                Disadvantage::ALL,
                Disadvantage::code,
            ),
        }
    }

    fn age(&mut self, place: &str, what: &str, age: i64) -> Option<u8> {
        let fitting = u8::try_from(age).ok().filter(|_| (0..=AGE_MAX).contains(&age));
        if fitting.is_none() {
            self.refuse(place, Rule::Consistency, format!("{what} is {age}; it goes from 0 to {AGE_MAX}"));
        }
        fitting
    }

    fn asked_codes<T: Copy + Ord>(
        &mut self,
        place: &str,
        what: &str,
        codes: Option<&[String]>,
        all: &[T],
        code: fn(T) -> &'static str,
    ) -> Option<BTreeSet<T>> {
        let known: BTreeMap<String, T> = all.iter().map(|this| (code(*this).to_owned(), *this)).collect();
        codes.map(|codes| self.codes(place, Rule::Consistency, what, codes, &known).into_iter().collect())
    }
}
