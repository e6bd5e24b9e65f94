//! A validated questionnaire as papers show it: what was answered, what comes of it and why, what the operator says.

use chrono::NaiveDate;
use serde::Serialize;

use super::{Fact, day};

/// One version of a validated questionnaire.
#[derive(Clone, Debug, Serialize)]
pub struct Questionnaire {
    /// What was asked.
    pub strumento: Strumento,
    /// The day of the assessment.
    pub assessed_on: NaiveDate,
    /// The day it became valid.
    pub validated_on: Option<NaiveDate>,
    /// Who assessed; `None` for imports that do not say.
    pub operator: Option<String>,
    /// How it came.
    pub origin: Origin,
    /// Whether it counts.
    pub standing: Standing,
    /// Why it corrects the version before; `None` for a first version.
    pub correction_reason: Option<String>,
    /// What was recorded of the persona on the day; the access report shows it.
    pub circumstances: Vec<Fact>,
    /// Notes, each under its question; the access report alone shows them.
    pub notes: Vec<Fact>,
    /// Items with an answer.
    pub count_answered: usize,
    /// Items asked.
    pub count_items: usize,
    /// Whether the strumento has a profile at all.
    pub has_profile: bool,
    /// The class that the rules give.
    pub profile: Option<Profile>,
    /// Minimum conditions that are missing.
    pub blocks: Vec<Block>,
    /// What was measured.
    pub scales: Vec<Scale>,
    /// The operator's own word.
    pub evaluation: Evaluation,
    /// What was agreed.
    pub azioni: Vec<AgreedAzione>,
    /// Every answer, by section.
    pub answers: Vec<AnswerSection>,
}

/// A strumento and its version.
#[derive(Clone, Debug, Serialize)]
pub struct Strumento {
    /// Its short title.
    pub title: String,
    /// What the title stands for.
    pub subtitle: Option<String>,
    /// The version of its rules.
    pub version: u32,
    /// Whether it carries the mark "non ufficiale".
    pub is_unofficial: bool,
    /// Where the wording comes from, as the definition says it.
    pub source: String,
    /// SHA-256 of the definition, in hexadecimal digits.
    pub definition_sha256: String,
}

/// How a questionnaire came.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Origin {
    /// Filled in on the platform.
    Portal,
    /// Brought in from somewhere else.
    Import {
        /// From where.
        source: Option<String>,
        /// Who took responsibility.
        responsible: Option<String>,
    },
}

/// Whether a questionnaire counts.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Standing {
    /// It counts.
    Current,
    /// A correction took its place.
    Superseded,
    /// It no longer counts at all.
    Annulled {
        /// Since when.
        on: NaiveDate,
        /// Why.
        reason: Option<String>,
    },
}

/// A class of the profile.
#[derive(Clone, Debug, Serialize)]
pub struct Profile {
    /// What the strumento calls its profile.
    pub label: String,
    /// The class.
    pub title: String,
    /// What it means.
    pub paragraphs: Vec<String>,
    /// What it proposes.
    pub azioni: Vec<Azione>,
}

/// An azione as the strumento words it.
#[derive(Clone, Debug, Serialize)]
pub struct Azione {
    /// In short.
    pub title: String,
    /// In full.
    pub text: String,
}

/// A minimum condition that is missing.
#[derive(Clone, Debug, Serialize)]
pub struct Block {
    /// Its name.
    pub title: String,
    /// What it means.
    pub paragraphs: Vec<String>,
    /// The answers it comes from, each with its question.
    pub items: Vec<String>,
    /// How far scales can go while it lasts.
    pub caps: Vec<Cap>,
    /// What it proposes.
    pub azioni: Vec<Azione>,
}

/// The highest level of a scale while a condition is missing.
#[derive(Clone, Debug, Serialize)]
pub struct Cap {
    /// The scale.
    pub scale: String,
    /// The level.
    pub level: String,
}

/// What a scale needs to be valid.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Minimum {
    /// So many answers.
    Items(usize),
    /// Answers that weigh so much, in hundredths of the whole.
    WeightPercent(i32),
}

/// One thing that was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Scale {
    /// Its name.
    pub title: String,
    /// What it says.
    pub description: String,
    /// Whether there are answers enough.
    pub is_valid: bool,
    /// How many would be.
    pub minimum: Minimum,
    /// The weight of the answers, in hundredths of the whole.
    pub covered_percent: i32,
    /// Answers given.
    pub items_answered: usize,
    /// Items of the scale.
    pub items_total: usize,
    /// Points of the answers.
    pub points: i32,
    /// Points that these items could give.
    pub reachable: i32,
    /// The index from 0 to 100, in tenths.
    pub index_tenths: Option<i32>,
    /// All levels, from the lowest; none when the scale has none.
    pub levels: Vec<LevelMark>,
    /// The level proposed.
    pub level: Option<Level>,
    /// The level that the index alone would give, when a minimum condition is missing.
    pub capped_from: Option<String>,
    /// What would raise the level.
    pub raise: Option<Raise>,
    /// What each answer gave.
    pub contributions: Vec<Contribution>,
}

/// A level on the scale's bar.
#[derive(Clone, Debug, Serialize)]
pub struct LevelMark {
    /// Its name.
    pub title: String,
    /// The index it begins at.
    pub from: i32,
    /// Whether it is the one proposed.
    pub is_current: bool,
}

/// The level proposed.
#[derive(Clone, Debug, Serialize)]
pub struct Level {
    /// Its name.
    pub title: String,
    /// What it means.
    pub paragraphs: Vec<String>,
    /// What it proposes.
    pub azioni: Vec<Azione>,
}

/// What would raise a level.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Raise {
    /// Nothing: it is the highest.
    Highest,
    /// Nothing that can change.
    OutOfReach,
    /// The fewest answers whose change would do it.
    Changes {
        /// The next level.
        to_level: String,
        /// The answers.
        changes: Vec<AnswerChange>,
    },
}

/// An answer that would have to change.
#[derive(Clone, Debug, Serialize)]
pub struct AnswerChange {
    /// The question.
    pub item: String,
    /// The answer today.
    pub from: String,
    /// The answer that would do.
    pub to: String,
}

/// What an answer gave to a scale.
#[derive(Clone, Debug, Serialize)]
pub struct Contribution {
    /// The question.
    pub item: String,
    /// The answer.
    pub answer: String,
    /// Points it gave.
    pub points: i32,
    /// Points it could have given.
    pub reachable: i32,
}

/// The operator's word on the result.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Evaluation {
    /// It is what they see too.
    Confirmed,
    /// They see something else.
    Overridden {
        /// The class that they give instead.
        profile: Option<String>,
        /// Why.
        reason: Option<String>,
    },
    /// Nobody gave one: the questionnaire was brought in.
    Absent,
}

/// An azione agreed with the persona.
#[derive(Clone, Debug, Serialize)]
pub struct AgreedAzione {
    /// In short.
    pub title: String,
    /// In full.
    pub text: String,
    /// Since when.
    pub agreed_on: NaiveDate,
    /// By when.
    pub due_on: Option<NaiveDate>,
    /// Who follows it.
    pub followed_by: Option<String>,
    /// What came of it, from the oldest.
    pub results: Vec<AzioneResult>,
}

/// What came of an azione.
#[derive(Clone, Debug, Serialize)]
pub struct AzioneResult {
    /// When it was recorded.
    pub on: NaiveDate,
    /// How it stands.
    pub outcome: Outcome,
    /// Who recorded it.
    pub by: Option<String>,
}

/// How an azione stands.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Under way.
    UnderWay,
    /// Done.
    Completed,
    /// Given up.
    Dropped,
}

/// The answers of a section.
#[derive(Clone, Debug, Serialize)]
pub struct AnswerSection {
    /// Its title.
    pub title: String,
    /// Its items.
    pub answers: Vec<Answer>,
}

/// An item and its answer.
#[derive(Clone, Debug, Serialize)]
pub struct Answer {
    /// Its number on the form.
    pub number: usize,
    /// The question.
    pub item: String,
    /// What was answered, or the kind of missing in words.
    pub answer: String,
    /// Whether it is a kind of missing.
    pub is_missing: bool,
}

fn azione(title: &str, text: &str) -> Azione {
    Azione { title: title.to_owned(), text: text.to_owned() }
}

impl Questionnaire {
    /// Three scales with levels, a block, a profile; the operator sees something else.
    pub(crate) fn sample_with_profile() -> Self {
        let azioni = || {
            vec![
                azione(
                    "Orientamento al lavoro",
                    "Tre incontri con chi segue l'orientamento, per mettere in ordine le esperienze e scegliere due mestieri da provare.",
                ),
                azione("Corso breve", "Un corso di almeno quaranta ore vicino a casa, con un attestato alla fine."),
            ]
        };
        let scale = |title: &str, description: &str, points, reachable, index_tenths, current: usize| {
            let names = ["Da costruire", "In avvio", "Sostenibile con aiuto", "Sostenibile"];
            Scale {
                title: title.to_owned(),
                description: description.to_owned(),
                is_valid: true,
                minimum: Minimum::WeightPercent(80),
                covered_percent: 96,
                items_answered: 17,
                items_total: 18,
                points,
                reachable,
                index_tenths: Some(index_tenths),
                levels: names
                    .iter()
                    .zip([0, 30, 55, 75])
                    .enumerate()
                    .map(|(place, (title, from))| LevelMark { title: (*title).to_owned(), from, is_current: place == current })
                    .collect(),
                level: Some(Level {
                    title: names[current].to_owned(),
                    paragraphs: vec![
                        "Le risposte mostrano risorse che oggi permettono di cominciare un percorso, se qualcuno lo accompagna.".to_owned(),
                        "Conviene procedere per passi brevi, con un obiettivo alla volta e una verifica ogni due mesi.".to_owned(),
                    ],
                    azioni: azioni(),
                }),
                capped_from: None,
                raise: Some(Raise::Changes {
                    to_level: names[(current + 1).min(3)].to_owned(),
                    changes: vec![
                        AnswerChange {
                            item: "Come si sposta per raggiungere un luogo di lavoro o un corso?".to_owned(),
                            from: "Solo se qualcuno la accompagna".to_owned(),
                            to: "Con i mezzi pubblici, da sola, anche su percorsi nuovi".to_owned(),
                        },
                        AnswerChange {
                            item: "Quando ha concluso l'ultimo corso o percorso di studi?".to_owned(),
                            from: "Tra cinque e dieci anni fa".to_owned(),
                            to: "Negli ultimi cinque anni, con un esame finale".to_owned(),
                        },
                    ],
                }),
                contributions: contributions(),
            }
        };
        let mut scales = vec![
            scale(
                "Occupabilità",
                "Quanto è vicino un lavoro ordinario: mestiere, storia lavorativa, salute, orari, spostamenti.",
                31,
                55,
                564,
                1,
            ),
            scale(
                "Socio-occupabilità",
                "Se può reggere un percorso protetto o accompagnato: impegni, durata nelle attività, rapporti, cura di sé.",
                38,
                49,
                776,
                3,
            ),
            scale(
                "Formabilità",
                "Se la formazione può dare frutto: lingua, lettura, abitudine a studiare, modo di imparare.",
                12,
                40,
                300,
                1,
            ),
        ];
        scales[0].capped_from = Some("Sostenibile con aiuto".to_owned());
        scales[1].raise = Some(Raise::Highest);
        scales[2].raise = Some(Raise::OutOfReach);
        Self {
            strumento: Strumento {
                title: "ASSO".to_owned(),
                subtitle: Some("Attivazione Sociale Sostenibile Occupabilità".to_owned()),
                version: 1,
                is_unofficial: true,
                source: "Formulazione aperta del progetto Noncello. Non è il testo ufficiale, che appartiene al Comune di Pordenone e non è pubblico.".to_owned(),
                definition_sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".to_owned(),
            },
            assessed_on: day(2026, 11, 20),
            validated_on: Some(day(2026, 11, 23)),
            operator: Some("Anna Prova".to_owned()),
            origin: Origin::Portal,
            standing: Standing::Current,
            correction_reason: Some("Era stata scambiata la risposta sulla patente.".to_owned()),
            notes: vec![Fact::new("Qual è il titolo di studio più alto che ha ottenuto?", "Il titolo estero è in corso di riconoscimento.")],
            circumstances: vec![
                Fact::new("Età", "40 anni"),
                Fact::new("Titolo di studio", "licenza media"),
                Fact::new("Condizione lavorativa", "cerca lavoro da un anno o più"),
                Fact::new("Categorie di svantaggio", "senza casa o in alloggio precario; povertà economica: riceve un sostegno al reddito"),
            ],
            count_answered: 24,
            count_items: 25,
            has_profile: true,
            profile: Some(Profile {
                label: "Profilo".to_owned(),
                title: "Svantaggio lieve".to_owned(),
                paragraphs: vec!["Il lavoro è alla portata, con un accompagnamento che tenga conto di ciò che oggi manca.".to_owned()],
                azioni: azioni(),
            }),
            blocks: vec![Block {
                title: "Un posto dove abitare".to_owned(),
                paragraphs: vec!["Senza un alloggio sicuro per i prossimi mesi è difficile mantenere orari e impegni.".to_owned()],
                items: vec!["Dove abita, e fino a quando potrà restarci? Da conoscenti, senza sapere fino a quando".to_owned()],
                caps: vec![Cap { scale: "Occupabilità".to_owned(), level: "In avvio".to_owned() }],
                azioni: vec![azione("Alloggio", "Domanda per un alloggio temporaneo, da presentare insieme.")],
            }],
            scales,
            evaluation: Evaluation::Overridden {
                profile: Some("Svantaggio complesso".to_owned()),
                reason: Some("La persona affronta anche lutti recenti, che le domande non vedono: serve prima un sostegno.\nSe ne riparla a febbraio.".to_owned()),
            },
            azioni: vec![
                AgreedAzione {
                    title: "Alloggio".to_owned(),
                    text: "Domanda per un alloggio temporaneo, da presentare insieme.".to_owned(),
                    agreed_on: day(2026, 11, 20),
                    due_on: Some(day(2026, 12, 15)),
                    followed_by: Some("Servizio casa".to_owned()),
                    results: vec![AzioneResult { on: day(2026, 11, 24), outcome: Outcome::UnderWay, by: Some("Anna Prova".to_owned()) }],
                },
                AgreedAzione {
                    title: "Orientamento al lavoro".to_owned(),
                    text: "Tre incontri con chi segue l'orientamento.".to_owned(),
                    agreed_on: day(2026, 11, 20),
                    due_on: None,
                    followed_by: None,
                    results: Vec::new(),
                },
            ],
            answers: vec![
                AnswerSection {
                    title: "Istruzione e formazione".to_owned(),
                    answers: contributions()
                        .into_iter()
                        .zip(1..)
                        .map(|(given, number)| Answer { number, item: given.item, answer: given.answer, is_missing: false })
                        .collect(),
                },
                AnswerSection {
                    title: "Salute e cura di sé".to_owned(),
                    answers: vec![Answer {
                        number: 7,
                        item: "La salute permette di stare in piedi o seduti per un turno di quattro ore?".to_owned(),
                        answer: "Preferisce non rispondere".to_owned(),
                        is_missing: true,
                    }],
                },
            ],
        }
    }

    /// Five dimensions of ten items, neither blocks nor profile; confirmed.
    pub(crate) fn sample_with_dimensions() -> Self {
        let dimensions = [
            ("Cura di sé e vita quotidiana", 340),
            ("Relazione e comunicazione", 525),
            ("Organizzazione, tempo e risorse", 275),
            ("Apprendimento e soluzione di problemi", 610),
            ("Lavoro, cittadinanza e partecipazione", 450),
        ];
        let options = [
            "Lascia passare più di quattro giorni senza lavarsi, anche quando qualcuno glielo propone",
            "Si lava se un'altra persona lo ricorda e prepara asciugamano, sapone e cambio",
            "Ci pensa da sé prima degli incontri importanti; negli altri giorni aspetta che qualcuno lo ricordi",
            "Si lava senza che nessuno lo ricordi; nelle settimane faticose salta due o tre giorni di fila",
        ];
        let items = [
            "Curare l'igiene del corpo",
            "Avere vestiti puliti da mettere",
            "Mangiare con regolarità",
            "Procurarsi ciò che serve in casa",
            "Tenere un ritmo tra sonno e veglia",
            "Tenere pulito lo spazio in cui vive",
            "Seguire le cure concordate con i medici",
            "Spostarsi da un luogo all'altro",
            "Usare il telefono per chiamare e per ricevere messaggi importanti",
            "Chiedere aiuto quando serve, prima che le cose precipitino",
        ];
        let answers: Vec<AnswerSection> = dimensions
            .iter()
            .enumerate()
            .map(|(place, (title, _))| AnswerSection {
                title: (*title).to_owned(),
                answers: items
                    .iter()
                    .enumerate()
                    .map(|(item, text)| Answer {
                        number: 10 * place + item + 1,
                        item: (*text).to_owned(),
                        answer: options[(place + item) % options.len()].to_owned(),
                        is_missing: false,
                    })
                    .collect(),
            })
            .collect();
        let scales = dimensions
            .iter()
            .zip(&answers)
            .enumerate()
            .map(|(place, ((title, index_tenths), section))| Scale {
                title: (*title).to_owned(),
                description: "Che cosa la persona ha fatto negli ultimi 30 giorni.".to_owned(),
                is_valid: place != 4,
                minimum: Minimum::Items(7),
                covered_percent: if place == 4 { 60 } else { 100 },
                items_answered: if place == 4 { 6 } else { 10 },
                items_total: 10,
                points: index_tenths * 40 / 1000,
                reachable: 40,
                index_tenths: (place != 4).then_some(*index_tenths),
                levels: Vec::new(),
                level: None,
                capped_from: None,
                raise: None,
                contributions: section
                    .answers
                    .iter()
                    .map(|answer| Contribution {
                        item: answer.item.clone(),
                        answer: answer.answer.clone(),
                        points: 2,
                        reachable: 4,
                    })
                    .collect(),
            })
            .collect();
        Self {
            strumento: Strumento {
                title: "ISA".to_owned(),
                subtitle: Some("Indicatori Sviluppo Autonomie".to_owned()),
                version: 1,
                is_unofficial: true,
                source: "Formulazione aperta del progetto Noncello. Non è il testo ufficiale.".to_owned(),
                definition_sha256: "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752".to_owned(),
            },
            assessed_on: day(2026, 11, 12),
            validated_on: Some(day(2026, 11, 12)),
            operator: Some("Anna Prova".to_owned()),
            origin: Origin::Portal,
            standing: Standing::Current,
            correction_reason: None,
            circumstances: Vec::new(),
            notes: Vec::new(),
            count_answered: 46,
            count_items: 50,
            has_profile: false,
            profile: None,
            blocks: Vec::new(),
            scales,
            evaluation: Evaluation::Confirmed,
            azioni: Vec::new(),
            answers,
        }
    }

    /// Brought in, without evaluation, operator or answers enough; annulled since.
    pub(crate) fn sample_imported() -> Self {
        let full = Self::sample_with_profile();
        let scales = full.scales.into_iter().map(|scale| Scale {
            is_valid: false,
            index_tenths: None,
            level: None,
            raise: None,
            capped_from: None,
            contributions: Vec::new(),
            ..scale
        });
        Self {
            strumento: Strumento { is_unofficial: false, subtitle: None, ..full.strumento },
            validated_on: None,
            operator: None,
            origin: Origin::Import {
                source: Some("archivio del 2019".to_owned()),
                responsible: Some("Bruno Esempio".to_owned()),
            },
            standing: Standing::Annulled { on: day(2026, 11, 24), reason: Some("Era di un'altra persona.".to_owned()) },
            correction_reason: None,
            circumstances: Vec::new(),
            notes: Vec::new(),
            count_answered: 3,
            profile: None,
            blocks: Vec::new(),
            scales: scales.collect(),
            evaluation: Evaluation::Absent,
            azioni: Vec::new(),
            answers: Vec::new(),
            ..full
        }
    }
}

fn contributions() -> Vec<Contribution> {
    [
        ("Qual è il titolo di studio più alto che ha ottenuto?", "Licenza media", 1, 4),
        ("Quando ha concluso l'ultimo corso o percorso di studi?", "Tra cinque e dieci anni fa", 1, 2),
        (
            "L'ultima volta che ha dovuto imparare un compito nuovo, come ha fatto?",
            "Ha imparato guardandolo fare più volte",
            0,
            3,
        ),
        ("Che mestiere sa fare, e lo può mostrare?", "Un mestiere, imparato lavorando più di un anno", 5, 6),
        ("Come si sposta per raggiungere un luogo di lavoro o un corso?", "Solo se qualcuno la accompagna", 0, 4),
        ("Quali orari può tenere?", "Tutti, notte e festivi esclusi", 4, 4),
    ]
    .map(|(item, answer, points, reachable)| Contribution {
        item: item.to_owned(),
        answer: answer.to_owned(),
        points,
        reachable,
    })
    .into()
}
