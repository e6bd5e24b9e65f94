//! Entering a persona and changing what is recorded. What a codice fiscale says is filled in by the server; a code that
//! another persona has is told before anything is written.

use std::collections::BTreeSet;

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::StatusCode;
use axum::response::Response;
use chrono::NaiveDate;
use domain::identifier::{Birth, CodiceFiscale, CodiceFiscaleError, Identifier, IdentifierError, IdentifierKind};
use domain::person::{Citizenship, Disadvantage, Education, Household, Sex, Work};
use serde::Serialize;
use store::{PersonaData, PersonaId, Refused, StoreError};
use templates::{Area, Page};
use territory::{BirthplaceKind, ComuneCode};

use super::id;
use super::people::{self, PersonaHead};
use crate::form::{Field, Fields, Problem, Reading, identifier_problem, show_date};
use crate::reply::{self, Outcome};
use crate::visitor::{Assess, Desk};

/// Nobody is older than this, in years.
const AGE_MAX: i32 = 125;
/// Younger people are not who these services assess: of two births that a code can mean, the other is meant.
const AGE_LIKELY: i32 = 14;
/// Places offered when a name is not enough.
const PLACES_MAX: usize = 40;

#[derive(Serialize)]
pub(crate) struct PersonaForm {
    is_new: bool,
    action: String,
    path_back: String,
    revision: i32,
    problems: Vec<Problem>,
    is_read: bool,
    duplicate: Option<PersonaHead>,
    similar: Vec<PersonaHead>,
    is_changed_elsewhere: bool,
    form: FormView,
    identifier_kinds: Vec<&'static str>,
    sexes: Vec<&'static str>,
    educations: Vec<&'static str>,
    citizenships: Vec<&'static str>,
    households: Vec<&'static str>,
    works: Vec<&'static str>,
    disadvantage_asked: &'static str,
    disadvantages: Vec<Category>,
    comuni: Vec<Named>,
    birth_places: Vec<Named>,
}

#[derive(Default, Serialize)]
struct FormView {
    identifier_kind: Field,
    identifier: Field,
    surname: Field,
    name: Field,
    sex: Field,
    birth_date: Field,
    birth_place: Field,
    birth_place_code: Field,
    comune: Field,
    comune_search: Field,
    phone: Field,
    email: Field,
    education: Field,
    citizenship: Field,
    household: Field,
    work: Field,
    disadvantage: Field,
    notes: Field,
}

#[derive(Serialize)]
struct Category {
    code: &'static str,
    is_chosen: bool,
}

/// A choice with a name of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Named {
    pub(crate) code: String,
    pub(crate) text: String,
}

/// What a form asks about its own persona, and what it shows besides the fields.
#[derive(Default)]
struct Around {
    persona: Option<PersonaId>,
    revision: i32,
    is_read: bool,
    duplicate: Option<PersonaHead>,
    similar: Vec<PersonaHead>,
    is_changed_elsewhere: bool,
    comuni: Vec<Named>,
    birth_places: Vec<Named>,
}

impl PersonaForm {
    fn new(reading: &Reading<'_>, fields: &Fields, around: Around) -> Self {
        let chosen: BTreeSet<&str> = fields.all("disadvantage").collect();
        let path = around.persona.map(people::path);
        Self {
            is_new: around.persona.is_none(),
            action: path.as_ref().map_or_else(|| "/persone/nuova".to_owned(), |path| format!("{path}/modifica")),
            path_back: path.unwrap_or_else(|| "/persone".to_owned()),
            revision: around.revision,
            problems: reading.problems.clone(),
            is_read: around.is_read,
            duplicate: around.duplicate,
            similar: around.similar,
            is_changed_elsewhere: around.is_changed_elsewhere,
            form: FormView {
                identifier_kind: reading.field("identifier_kind"),
                identifier: reading.field("identifier"),
                surname: reading.field("surname"),
                name: reading.field("name"),
                sex: reading.field("sex"),
                birth_date: reading.field("birth_date"),
                birth_place: reading.field("birth_place"),
                birth_place_code: reading.field("birth_place_code"),
                comune: reading.field("comune"),
                comune_search: reading.field("comune_search"),
                phone: reading.field("phone"),
                email: reading.field("email"),
                education: reading.field("education"),
                citizenship: reading.field("citizenship"),
                household: reading.field("household"),
                work: reading.field("work"),
                disadvantage: reading.field("disadvantage"),
                notes: reading.field("notes"),
            },
            identifier_kinds: IdentifierKind::ALL.map(IdentifierKind::code).into(),
            sexes: Sex::ALL.iter().map(|this| this.code()).collect(),
            educations: Education::ALL.iter().map(|this| this.code()).collect(),
            citizenships: Citizenship::ALL.iter().map(|this| this.code()).collect(),
            households: Household::ALL.iter().map(|this| this.code()).collect(),
            works: Work::ALL.iter().map(|this| this.code()).collect(),
            disadvantage_asked: match (fields.get("disadvantage_asked"), chosen.is_empty()) {
                ("none", _) => "none",
                ("some", _) | (_, false) => "some",
                (_, true) => "",
            },
            disadvantages: Disadvantage::ALL
                .iter()
                .map(|this| Category { code: this.code(), is_chosen: chosen.contains(this.code()) })
                .collect(),
            comuni: around.comuni,
            birth_places: around.birth_places,
        }
    }
}

impl Page for PersonaForm {
    const TEMPLATE: &'static str = "pages/persona_form.html";

    fn samples() -> Vec<Self> {
        let blank = Fields::default();
        let pairs = [
            ("surname", ""),
            ("name", "Maria"),
            ("disadvantage", "poverty"),
            ("birth_place_code", "G888"),
            ("comune", "093033"),
        ];
        let filled = Fields::new(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
        let mut refused = Reading::new(&filled);
        refused.required("surname", 10);
        refused.refuse("disadvantage", "disadvantage_contradiction");
        refused.refuse("identifier", "identifier_check");
        let comuni = vec![Named { code: "093033".to_owned(), text: "Pordenone".to_owned() }];
        vec![
            Self::new(&Reading::new(&blank), &blank, Around::default()),
            Self::new(
                &Reading::new(&filled),
                &filled,
                Around { is_read: true, comuni: comuni.clone(), ..Around::default() },
            ),
            Self::new(
                &refused,
                &filled,
                Around {
                    persona: "00000000-0000-0000-0000-000000000001".parse().ok(),
                    revision: 3,
                    duplicate: Some(PersonaHead::sample()),
                    similar: vec![PersonaHead::sample()],
                    is_changed_elsewhere: true,
                    birth_places: comuni,
                    ..Around::default()
                },
            ),
        ]
    }
}

/// The comuni to choose from: the Ente's, and the one chosen where it is another.
async fn comuni(desk: &Desk<Assess>, chosen: &str, found: &[Named]) -> Result<Vec<Named>, StoreError> {
    let ente = desk.store.ente(&desk.scope, desk.now).await?;
    let named = |code: &str| Named { code: code.to_owned(), text: people::comune_name(code) };
    let mut comuni: Vec<Named> = ente.comuni.iter().map(|code| named(code)).collect();
    comuni.extend(found.iter().cloned());
    if !chosen.is_empty() && chosen.parse().ok().and_then(territory::comune).is_some() {
        comuni.push(named(chosen));
    }
    comuni.sort_by(|a, b| (&a.text, &a.code).cmp(&(&b.text, &b.code)));
    comuni.dedup();
    Ok(comuni)
}

pub(crate) async fn new(desk: Desk<Assess>) -> Outcome {
    let fields = Fields::default();
    let around = Around { comuni: comuni(&desk, "", &[]).await?, ..Around::default() };
    let page = PersonaForm::new(&Reading::new(&fields), &fields, around);
    Ok(desk.visitor.page(Area::Persone, StatusCode::OK, &page))
}

pub(crate) async fn create(desk: Desk<Assess>, fields: Fields) -> Outcome {
    send(&desk, None, &fields).await
}

pub(crate) async fn edit(desk: Desk<Assess>, path: Result<Path<String>, PathRejection>) -> Outcome {
    let id = id(path)?;
    let persona = desk.store.persona(&desk.scope, id, desk.now).await?;
    let fields = fields_of(&persona.data);
    let around = Around {
        persona: Some(id),
        revision: persona.revision,
        comuni: comuni(&desk, fields.get("comune"), &[]).await?,
        ..Around::default()
    };
    let page = PersonaForm::new(&Reading::new(&fields), &fields, around);
    Ok(desk.visitor.page(Area::Persone, StatusCode::OK, &page))
}

pub(crate) async fn update(desk: Desk<Assess>, path: Result<Path<String>, PathRejection>, fields: Fields) -> Outcome {
    let id = id(path)?;
    // Whether there is such a persona comes before whether the form is right.
    desk.store.persona(&desk.scope, id, desk.now).await?;
    send(&desk, Some(id), &fields).await
}

/// What is recorded, as the form would send it.
fn fields_of(data: &PersonaData) -> Fields {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let mut pairs = vec![
        ("identifier_kind", data.identifier.as_ref().map(|this| this.kind().code().to_owned()).unwrap_or_default()),
        ("identifier", data.identifier.as_ref().map(|this| this.expose().to_owned()).unwrap_or_default()),
        ("surname", data.surname.clone()),
        ("name", data.name.clone()),
        ("sex", data.sex.map(|this| this.code().to_owned()).unwrap_or_default()),
        ("birth_date", data.birth_date.map(show_date).unwrap_or_default()),
        ("birth_place", data.birth_place.as_deref().map(|code| place_name(code, data.birth_date)).unwrap_or_default()),
        ("birth_place_code", text(&data.birth_place)),
        ("comune", text(&data.residence)),
        ("phone", text(&data.phone)),
        ("email", text(&data.email)),
        ("education", data.education.map(|this| this.code().to_owned()).unwrap_or_default()),
        ("citizenship", data.citizenship.map(|this| this.code().to_owned()).unwrap_or_default()),
        ("household", data.household.map(|this| this.code().to_owned()).unwrap_or_default()),
        ("work", data.work.map(|this| this.code().to_owned()).unwrap_or_default()),
        ("notes", text(&data.note)),
    ];
    if let Some(categories) = &data.disadvantage {
        let asked = if categories.is_empty() { "none" } else { "some" };
        pairs.push(("disadvantage_asked", asked.to_owned()));
        pairs.extend(categories.iter().map(|this| ("disadvantage", this.code().to_owned())));
    }
    Fields::new(pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// The name of a birthplace by its Belfiore code: the one it had on the day, or the last it had.
pub(crate) fn place_name(code: &str, birth: Option<NaiveDate>) -> String {
    let Ok(belfiore) = code.parse() else { return code.to_owned() };
    let then = birth.and_then(|on| territory::birthplace(belfiore, on).ok()).map(|place| place.name);
    let last = || territory::history(belfiore).last().map(|spell| spell.name);
    then.or_else(last).map_or_else(|| code.to_owned(), ToOwned::to_owned)
}

async fn send(desk: &Desk<Assess>, persona: Option<PersonaId>, fields: &Fields) -> Outcome {
    let today = desk.today();
    if fields.get("action") == "read" {
        return read_code(desk, persona, fields).await;
    }
    let mut read = Read::new(fields, today);
    let mut around = Around {
        persona,
        revision: fields.get("revision").parse().unwrap_or(0),
        comuni: comuni(desk, fields.get("comune"), &read.comuni).await?,
        birth_places: read.birth_places.clone(),
        ..Around::default()
    };
    if read.reading.problems.is_empty() {
        if let Some(identifier) = &read.data.identifier {
            let known = desk.store.find_by_identifier(&desk.scope, identifier, desk.now).await?;
            around.duplicate = known.filter(|known| Some(known.id) != persona).as_ref().map(PersonaHead::of_summary);
        }
        if around.duplicate.is_none() && persona.is_none() && fields.get("another").is_empty() {
            let similar = desk.store.similar_persone(&desk.scope, &read.data, desk.now).await?;
            around.similar = similar.iter().map(PersonaHead::of_summary).collect();
        }
        if around.duplicate.is_none() && around.similar.is_empty() {
            let mut chance = desk.portal().chance();
            let done = match persona {
                None => desk.store.create_persona(&desk.scope, &read.data, desk.now, &mut chance).await,
                Some(id) => {
                    let (scope, revision) = (&desk.scope, around.revision);
                    desk.store.update_persona(scope, id, revision, &read.data, desk.now, &mut chance).await.map(|()| id)
                }
            };
            match (done, persona) {
                (Ok(id), _) => return Ok(reply::see(&format!("{}?salvata=1", people::path(id)))),
                (Err(StoreError::Conflict(_)), Some(id)) => {
                    around.revision = desk.store.persona(&desk.scope, id, desk.now).await?.revision;
                    around.is_changed_elsewhere = true;
                }
                (Err(StoreError::Refused(Refused::IdentifierTaken)), _) => {
                    // Taken since we looked: the same answer as if it had been before.
                    if let Some(identifier) = &read.data.identifier {
                        let known = desk.store.find_by_identifier(&desk.scope, identifier, desk.now).await?;
                        around.duplicate = known.as_ref().map(PersonaHead::of_summary);
                    }
                    if around.duplicate.is_none() {
                        read.reading.refuse("identifier", "identifier_elsewhere");
                    }
                }
                (Err(error), _) => return Err(error.into()),
            }
        }
    }
    let status = if around.is_changed_elsewhere { StatusCode::CONFLICT } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok(page(desk, status, &read.reading, fields, around))
}

fn page(desk: &Desk<Assess>, status: StatusCode, reading: &Reading<'_>, fields: &Fields, around: Around) -> Response {
    desk.visitor.page(Area::Persone, status, &PersonaForm::new(reading, fields, around))
}

/// The form again, with what its codice fiscale says filled in.
async fn read_code(desk: &Desk<Assess>, persona: Option<PersonaId>, fields: &Fields) -> Outcome {
    let mut around = Around {
        persona,
        revision: fields.get("revision").parse().unwrap_or(0),
        comuni: comuni(desk, fields.get("comune"), &[]).await?,
        ..Around::default()
    };
    let birth = CodiceFiscale::parse(fields.get("identifier"), desk.today())
        .and_then(|code| Ok((code.expose().to_owned(), likely_birth(&code, desk.today())?)));
    match birth {
        Ok((code, birth)) => {
            let taken = ["identifier", "identifier_kind", "sex", "birth_date", "birth_place", "birth_place_code"];
            let mut pairs: Vec<(String, String)> = fields
                .iter()
                .filter(|(name, _)| !taken.contains(name))
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect();
            let sex: Sex = birth.sex.into();
            let said = [
                ("identifier_kind", IdentifierKind::CodiceFiscale.code().to_owned()),
                ("identifier", code),
                ("sex", sex.code().to_owned()),
                ("birth_date", show_date(birth.date)),
                ("birth_place", birth.place.name.to_owned()),
                ("birth_place_code", birth.place.belfiore.to_string()),
            ];
            pairs.extend(said.map(|(name, value)| (name.to_owned(), value)));
            let filled = Fields::new(pairs);
            around.is_read = true;
            Ok(page(desk, StatusCode::OK, &Reading::new(&filled), &filled, around))
        }
        Err(error) => {
            let mut reading = Reading::new(fields);
            reading.refuse("identifier", identifier_problem(&IdentifierError::CodiceFiscale(error)));
            Ok(page(desk, StatusCode::UNPROCESSABLE_ENTITY, &reading, fields, around))
        }
    }
}

/// The birth that a code means, of those it can mean.
fn likely_birth(code: &CodiceFiscale, today: NaiveDate) -> Result<Birth, CodiceFiscaleError> {
    let births = code.births(today)?;
    let grown = births.iter().find(|birth| people::age_on(birth.date, today) >= AGE_LIKELY);
    grown.or(births.first()).cloned().ok_or(CodiceFiscaleError::Date)
}

/// Reads what somebody wants to record: what would be, or what is wrong.
pub(crate) fn read(fields: &Fields, today: NaiveDate) -> Result<PersonaData, Vec<Problem>> {
    let read = Read::new(fields, today);
    if read.reading.is_fine() { Ok(read.data) } else { Err(read.reading.problems) }
}

/// A form as it was read: what would be recorded, and what is wrong.
struct Read<'a> {
    reading: Reading<'a>,
    data: PersonaData,
    birth_places: Vec<Named>,
    comuni: Vec<Named>,
}

impl<'a> Read<'a> {
    fn new(fields: &'a Fields, today: NaiveDate) -> Self {
        let mut read = Self {
            reading: Reading::new(fields),
            data: PersonaData::default(),
            birth_places: Vec::new(),
            comuni: Vec::new(),
        };
        let reading = &mut read.reading;
        read.data.surname = reading.required("surname", 100).unwrap_or_default();
        read.data.name = reading.required("name", 100).unwrap_or_default();
        read.data.sex = reading.code("sex", Sex::from_code);
        read.data.birth_date = reading.date("birth_date");
        if let Some(birth) = read.data.birth_date {
            if birth > today {
                reading.refuse("birth_date", "date_future");
            } else if people::age_on(birth, today) > AGE_MAX {
                reading.refuse("birth_date", "date_old");
            }
        }
        read.data.education = reading.code("education", Education::from_code);
        read.data.citizenship = reading.code("citizenship", Citizenship::from_code);
        read.data.household = reading.code("household", Household::from_code);
        read.data.work = reading.code("work", Work::from_code);
        read.data.phone = reading.text("phone", 40);
        read.data.email = reading.text("email", 120);
        if read.data.email.as_deref().is_some_and(|email| !email.trim_matches('@').contains('@')) {
            reading.refuse("email", "email");
        }
        read.data.note = reading.text("notes", 2000);
        read.data.disadvantage = disadvantage(fields, reading);
        read.identifier(fields, today);
        read.birth_place(fields, today);
        read.residence(fields, today);
        read
    }

    fn identifier(&mut self, fields: &Fields, today: NaiveDate) {
        let (kind, text) = (fields.get("identifier_kind"), fields.get("identifier"));
        let known = IdentifierKind::ALL.into_iter().find(|known| known.code() == kind);
        match (known, text.is_empty()) {
            (None, true) if kind.is_empty() => {}
            (None, false) if kind.is_empty() => self.reading.refuse("identifier_kind", "identifier_missing"),
            (None, _) => self.reading.refuse("identifier_kind", "choice"),
            (Some(_), true) => self.reading.refuse("identifier", "identifier_missing"),
            (Some(kind), false) => match Identifier::parse(kind, text, today) {
                Ok(identifier) => {
                    if let Identifier::CodiceFiscale(code) = &identifier {
                        self.birth_of(code, fields, today);
                    }
                    self.data.identifier = Some(identifier);
                }
                Err(error) => self.reading.refuse("identifier", identifier_problem(&error)),
            },
        }
    }

    /// What a codice fiscale says takes the place of what was left empty, and must agree with the rest.
    fn birth_of(&mut self, code: &CodiceFiscale, fields: &Fields, today: NaiveDate) {
        let births = code.births(today).unwrap_or_default();
        let Ok(likely) = likely_birth(code, today) else { return };
        let birth = match self.data.birth_date {
            None if fields.get("birth_date").is_empty() => likely,
            None => return,
            Some(given) => match births.into_iter().find(|birth| birth.date == given) {
                Some(birth) => birth,
                None => return self.reading.refuse("birth_date", "identifier_differs"),
            },
        };
        self.data.birth_date = Some(birth.date);
        match self.data.sex {
            Some(sex) if sex != birth.sex.into() => self.reading.refuse("sex", "identifier_differs"),
            Some(_) | None => self.data.sex = Some(birth.sex.into()),
        }
        if fields.get("birth_place").is_empty() {
            self.data.birth_place = Some(birth.place.belfiore.to_string());
        } else {
            let (code, name) = (fields.get("birth_place_code"), fields.get("birth_place"));
            let same_code = code == birth.place.belfiore.to_string() && name == birth.place.name;
            let on = birth.date;
            let same_name =
                || territory::search_by_name(name, on).iter().any(|place| place.belfiore == birth.place.belfiore);
            if same_code || same_name() {
                self.data.birth_place = Some(birth.place.belfiore.to_string());
            } else {
                self.reading.refuse("birth_place", "identifier_differs");
            }
        }
    }

    fn birth_place(&mut self, fields: &Fields, today: NaiveDate) {
        let (name, code) = (fields.get("birth_place"), fields.get("birth_place_code"));
        if name.is_empty() || self.data.birth_place.is_some() {
            return;
        }
        if self.reading.problems.iter().any(|problem| problem.name == "birth_place") {
            return;
        }
        let on = self.data.birth_date.unwrap_or(today);
        let mut found = territory::search_by_name(name, on);
        if let Some(chosen) = found.iter().find(|place| place.belfiore.to_string() == code) {
            self.data.birth_place = Some(chosen.belfiore.to_string());
            return;
        }
        let exact: Vec<_> =
            found.iter().filter(|place| place.name.to_lowercase() == name.to_lowercase()).cloned().collect();
        if exact.len() == 1 {
            found = exact;
        }
        match found.as_slice() {
            [] => self.reading.refuse("birth_place", "place_unknown"),
            [only] => self.data.birth_place = Some(only.belfiore.to_string()),
            several => {
                self.birth_places = several
                    .iter()
                    .take(PLACES_MAX)
                    .map(|place| Named {
                        code: place.belfiore.to_string(),
                        text: match &place.kind {
                            BirthplaceKind::Comune { sigla, .. } => format!("{} ({sigla})", place.name),
                            BirthplaceKind::Country => place.name.to_owned(),
                        },
                    })
                    .collect();
                self.reading.refuse("birth_place", "place_many");
            }
        }
    }

    fn residence(&mut self, fields: &Fields, today: NaiveDate) {
        let (code, name) = (fields.get("comune"), fields.get("comune_search"));
        if name.is_empty() {
            if code.is_empty() {
                return;
            }
            match code.parse::<ComuneCode>().ok().and_then(territory::comune) {
                Some(comune) => self.data.residence = Some(comune.code.to_string()),
                None => self.reading.refuse("comune", "choice"),
            }
            return;
        }
        let mut found = comuni_named(name, today);
        // Chosen from the list that a name gave, which stays in its field.
        if let Some(chosen) = found.iter().find(|comune| comune.code == code) {
            self.data.residence = Some(chosen.code.clone());
            return;
        }
        let exact: Vec<Named> =
            found.iter().filter(|comune| comune.text.to_lowercase() == name.to_lowercase()).cloned().collect();
        if exact.len() == 1 {
            found = exact;
        }
        match found.as_slice() {
            [] => self.reading.refuse("comune_search", "comune_unknown"),
            [only] => self.data.residence = Some(only.code.clone()),
            several => {
                self.comuni = several.iter().take(PLACES_MAX).cloned().collect();
                self.reading.refuse("comune", "comune_many");
            }
        }
    }
}

/// Today's comuni whose name begins so.
pub(crate) fn comuni_named(name: &str, today: NaiveDate) -> Vec<Named> {
    let found = territory::search_by_name(name, today);
    let mut comuni: Vec<Named> = found
        .iter()
        .filter_map(|place| match &place.kind {
            BirthplaceKind::Comune { today: Some(code), .. } => territory::comune(*code),
            BirthplaceKind::Comune { today: None, .. } | BirthplaceKind::Country => None,
        })
        .map(|comune| Named { code: comune.code.to_string(), text: comune.name.to_owned() })
        .collect();
    comuni.dedup();
    comuni
}

fn disadvantage(fields: &Fields, reading: &mut Reading<'_>) -> Option<BTreeSet<Disadvantage>> {
    let mut categories = BTreeSet::new();
    for code in fields.all("disadvantage") {
        match Disadvantage::from_code(code) {
            Some(category) => {
                categories.insert(category);
            }
            None => reading.refuse("disadvantage", "choice"),
        }
    }
    match (fields.get("disadvantage_asked"), categories.is_empty()) {
        ("none", true) => Some(categories),
        ("none", false) => {
            reading.refuse("disadvantage", "disadvantage_contradiction");
            None
        }
        ("some", true) => {
            reading.refuse("disadvantage", "disadvantage_empty");
            None
        }
        (_, true) => None,
        // A category that is ticked says more than a button that was left where it was.
        (_, false) => Some(categories),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pairs: &[(&str, &str)], problems: &[(&str, &str)]) -> PersonaData {
        let base = [("surname", "Rossi"), ("name", "Maria")];
        let all = base.iter().filter(|(name, _)| !pairs.iter().any(|(given, _)| given == name)).chain(pairs);
        let fields = Fields::new(all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect());
        let read = Read::new(&fields, NaiveDate::from_ymd_opt(2026, 11, 25).unwrap());
        let found: Vec<_> = read.reading.problems.iter().map(|problem| (problem.name, problem.code)).collect();
        assert_eq!(found, problems, "{pairs:?}");
        for (_, code) in found {
            assert!(templates::term("field_error", code).is_some(), "{code} has no words");
        }
        read.data
    }

    #[test]
    fn a_codice_fiscale_fills_in_what_is_empty_and_must_agree_with_the_rest() {
        let code = [("identifier_kind", "codice_fiscale"), ("identifier", "bnclra80a41g888j")];
        let data = check(&code, &[]);
        assert_eq!(data.sex, Some(Sex::Female));
        assert_eq!(data.birth_date, NaiveDate::from_ymd_opt(1980, 1, 1));
        assert_eq!(data.birth_place.as_deref(), Some("G888"));
        check(&[code[0], code[1], ("sex", "m")], &[("sex", "identifier_differs")]);
        check(&[code[0], code[1], ("birth_date", "2/1/1980")], &[("birth_date", "identifier_differs")]);
        check(&[code[0], code[1], ("birth_place", "Udine")], &[("birth_place", "identifier_differs")]);
        check(&[code[0], code[1], ("birth_place", "pordenone")], &[]);
        check(&[code[0], ("identifier", "BNCLRA80A41G888K")], &[("identifier", "identifier_check")]);
        check(&[code[1]], &[("identifier_kind", "identifier_missing")]);
        check(&[code[0]], &[("identifier", "identifier_missing")]);
    }

    #[test]
    fn places_are_found_by_name() {
        assert_eq!(check(&[("birth_place", "Pordenone")], &[]).birth_place.as_deref(), Some("G888"));
        check(&[("birth_place", "Atlantide")], &[("birth_place", "place_unknown")]);
        check(&[("birth_place", "San")], &[("birth_place", "place_many")]);
        assert_eq!(check(&[("comune", "093033")], &[]).residence.as_deref(), Some("093033"));
        assert_eq!(check(&[("comune_search", "udine")], &[]).residence.as_deref(), Some("030129"));
        check(&[("comune_search", "Roma")], &[]);
        check(&[("comune_search", "Nonesiste")], &[("comune_search", "comune_unknown")]);
        check(&[("comune", "12")], &[("comune", "choice")]);
    }

    #[test]
    fn nothing_is_required_but_a_name() {
        let data = check(&[], &[]);
        assert_eq!(data.disadvantage, None);
        check(&[("surname", " ")], &[("surname", "required")]);
        assert_eq!(check(&[("disadvantage_asked", "none")], &[]).disadvantage, Some(BTreeSet::new()));
        let ticked = check(&[("disadvantage", "poverty")], &[]);
        assert_eq!(ticked.disadvantage, Some([Disadvantage::Poverty].into()));
        let both = [("disadvantage_asked", "none"), ("disadvantage", "poverty")];
        check(&both, &[("disadvantage", "disadvantage_contradiction")]);
        check(&[("disadvantage_asked", "some")], &[("disadvantage", "disadvantage_empty")]);
        check(&[("birth_date", "1/1/2030")], &[("birth_date", "date_future")]);
        check(&[("email", "@")], &[("email", "email")]);
    }
}
