//! How items read in two frameworks that others use: the areas of the assessment that Italian law asks for, and the
//! chapters of the International Classification of Functioning (ICF).
//!
//! A crosswalk says what an item is about. It says nothing about how the person fares, and no score comes of it.

use std::collections::BTreeMap;
use std::fmt;

use super::Instrument;

/// An area of the multidimensional assessment: D.Lgs. 15 September 2017, n. 147, article 5, comma 2, letters a to f.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Area147 {
    /// Letter a.
    Person,
    /// Letter b.
    Economic,
    /// Letter c.
    Work,
    /// Letter d.
    Education,
    /// Letter e.
    Housing,
    /// Letter f.
    Networks,
}

impl Area147 {
    /// All, in the law's order.
    pub const ALL: [Self; 6] =
        [Self::Person, Self::Economic, Self::Work, Self::Education, Self::Housing, Self::Networks];

    /// The code that a definition file names.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Person => "persona",
            Self::Economic => "economica",
            Self::Work => "lavoro",
            Self::Education => "istruzione",
            Self::Housing => "abitazione",
            Self::Networks => "reti",
        }
    }

    /// The area with this code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|area| area.code() == code)
    }

    /// The area as the law words it.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Person => "condizioni e funzionamenti personali e sociali",
            Self::Economic => "situazione economica",
            Self::Work => "situazione lavorativa e profilo di occupabilità",
            Self::Education => "educazione, istruzione e formazione",
            Self::Housing => "condizione abitativa",
            Self::Networks => "reti familiari, di prossimità e sociali",
        }
    }
}

/// The four components of the ICF.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IcfComponent {
    /// Body functions.
    BodyFunctions,
    /// Body structures.
    BodyStructures,
    /// Activities and participation.
    ActivitiesAndParticipation,
    /// Environmental factors.
    EnvironmentalFactors,
}

impl IcfComponent {
    /// All, in the classification's order.
    pub const ALL: [Self; 4] =
        [Self::BodyFunctions, Self::BodyStructures, Self::ActivitiesAndParticipation, Self::EnvironmentalFactors];

    /// The letter with which the codes of its chapters begin.
    #[must_use]
    pub const fn letter(self) -> char {
        match self {
            Self::BodyFunctions => 'b',
            Self::BodyStructures => 's',
            Self::ActivitiesAndParticipation => 'd',
            Self::EnvironmentalFactors => 'e',
        }
    }

    /// What its chapters are about, in our own words; chapter n is the n-th.
    const fn titles(self) -> &'static [&'static str] {
        match self {
            Self::BodyFunctions => &[
                "Mente: attenzione, emozioni, energia, sonno",
                "Sensi e dolore",
                "Voce e parola",
                "Cuore, sangue, difese e respiro",
                "Digestione, metabolismo e ormoni",
                "Vie urinarie, sessualità e riproduzione",
                "Forza, articolazioni e movimento",
                "Pelle, capelli e unghie",
            ],
            Self::BodyStructures => &[
                "Sistema nervoso",
                "Occhi e orecchie",
                "Organi della voce e della parola",
                "Organi della circolazione, delle difese e del respiro",
                "Organi della digestione, del metabolismo e degli ormoni",
                "Organi urinari e della riproduzione",
                "Ossa, articolazioni e muscoli",
                "Tessuti della pelle",
            ],
            Self::ActivitiesAndParticipation => &[
                "Imparare, ragionare e decidere",
                "Compiti, impegni e tensioni di ogni giorno",
                "Comunicare",
                "Muoversi e spostarsi",
                "Prendersi cura di sé",
                "Vita in casa",
                "Rapporti con gli altri",
                "Scuola, lavoro e denaro",
                "Vita nella comunità e diritti",
            ],
            Self::EnvironmentalFactors => &[
                "Strumenti, ausili e beni",
                "Ambiente naturale e ambiente costruito",
                "Persone che danno aiuto e legami",
                "Atteggiamenti di chi sta intorno",
                "Servizi, regole e politiche",
            ],
        }
    }
}

/// A chapter of the ICF (World Health Organization, 2001): b1 to b8, s1 to s8, d1 to d9, e1 to e5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IcfChapter {
    component: IcfComponent,
    number: u8,
}

impl IcfChapter {
    /// Reads a code such as `d4`.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::all().find(|chapter| chapter.code() == code)
    }

    /// All, in the classification's order.
    pub fn all() -> impl Iterator<Item = Self> {
        IcfComponent::ALL
            .into_iter()
            .flat_map(|component| (1..).zip(component.titles()).map(move |(number, _)| Self { component, number }))
    }

    /// The component it belongs to.
    #[must_use]
    pub const fn component(self) -> IcfComponent {
        self.component
    }

    /// Its code, such as `d4`.
    #[must_use]
    pub fn code(self) -> String {
        format!("{}{}", self.component.letter(), self.number)
    }

    /// What it is about, in Italian and in our own words: the classification's own titles belong to the WHO.
    #[must_use]
    pub fn title(self) -> &'static str {
        self.component.titles()[usize::from(self.number) - 1]
    }
}

impl fmt::Display for IcfChapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.code())
    }
}

impl Instrument {
    /// The items (by index, in the form's order) about each area of D.Lgs. 147/2017; an area of which the strumento
    /// says nothing has an empty list. What one item is about stands in [`super::Item::areas_147`].
    #[must_use]
    pub fn items_by_area_147(&self) -> BTreeMap<Area147, Vec<usize>> {
        let about = |area| self.items.iter().enumerate().filter(move |(_, item)| item.areas_147.contains(&area));
        Area147::ALL.into_iter().map(|area| (area, about(area).map(|(index, _)| index).collect())).collect()
    }

    /// The items (by index, in the form's order) about each chapter of the ICF; chapters of which the strumento says
    /// nothing are left out. What one item is about stands in [`super::Item::icf`].
    #[must_use]
    pub fn items_by_icf(&self) -> BTreeMap<IcfChapter, Vec<usize>> {
        let mut items: BTreeMap<IcfChapter, Vec<usize>> = BTreeMap::new();
        for (index, item) in self.items.iter().enumerate() {
            for chapter in &item.icf {
                items.entry(*chapter).or_default().push(index);
            }
        }
        items
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_chapter_of_the_icf_is_read_back_and_has_a_title_of_its_own() {
        let codes: Vec<String> = IcfChapter::all().map(IcfChapter::code).collect();
        assert_eq!(codes.len(), 8 + 8 + 9 + 5);
        assert_eq!(codes[..2], ["b1", "b2"]);
        assert_eq!(codes.last().map(String::as_str), Some("e5"));
        for chapter in IcfChapter::all() {
            assert_eq!(IcfChapter::from_code(&chapter.to_string()), Some(chapter));
        }
        assert_eq!(IcfChapter::all().map(IcfChapter::title).collect::<BTreeSet<_>>().len(), codes.len());
        assert_eq!(IcfChapter::from_code("d4").map(IcfChapter::title), Some("Muoversi e spostarsi"));
        assert_eq!(IcfChapter::from_code("e5").map(IcfChapter::component), Some(IcfComponent::EnvironmentalFactors));
        for wrong in ["", "d", "d0", "d10", "b9", "s9", "e6", "x1", "D4", "d4 ", "d44", "d04"] {
            assert_eq!(IcfChapter::from_code(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn areas_are_read_back() {
        for area in Area147::ALL {
            assert_eq!(Area147::from_code(area.code()), Some(area));
        }
        assert_eq!(Area147::ALL.map(Area147::label).into_iter().collect::<BTreeSet<_>>().len(), 6);
        assert_eq!(Area147::from_code("Persona"), None);
    }
}
