//! One file per page: its values, handler and samples. What several pages show of a strumento is in `view`, of a persona in
//! `people`; what an operator decides is in `evaluation`.

pub(crate) mod access_request;
pub(crate) mod account;
pub(crate) mod account_form;
pub(crate) mod accounts;
pub(crate) mod amend;
pub(crate) mod annul;
pub(crate) mod assessment;
pub(crate) mod assets;
pub(crate) mod audit;
pub(crate) mod autosave;
pub(crate) mod azioni;
pub(crate) mod compare;
pub(crate) mod confirm;
pub(crate) mod data;
pub(crate) mod desk;
pub(crate) mod dossier;
pub(crate) mod draft;
pub(crate) mod draft_summary;
pub(crate) mod duplicates;
pub(crate) mod ente;
pub(crate) mod ente_change;
pub(crate) mod ente_closing;
pub(crate) mod ente_form;
pub(crate) mod enti;
pub(crate) mod erase;
pub(crate) mod evaluation;
pub(crate) mod fhir;
pub(crate) mod gateway;
pub(crate) mod health;
pub(crate) mod history;
pub(crate) mod home;
pub(crate) mod identified;
pub(crate) mod import_form;
pub(crate) mod import_template;
pub(crate) mod import_trial;
pub(crate) mod imports;
pub(crate) mod instrument;
pub(crate) mod instruments;
pub(crate) mod interest;
pub(crate) mod interests;
pub(crate) mod login;
pub(crate) mod message;
pub(crate) mod notices;
pub(crate) mod offline;
pub(crate) mod passkeys;
pub(crate) mod password;
pub(crate) mod people;
pub(crate) mod persona;
pub(crate) mod persona_case;
pub(crate) mod persona_form;
pub(crate) mod persone;
pub(crate) mod questionari;
pub(crate) mod radar;
pub(crate) mod report;
pub(crate) mod report_pdf;
pub(crate) mod research_account;
pub(crate) mod research_accounts;
pub(crate) mod retention;
pub(crate) mod second_factor;
pub(crate) mod session;
pub(crate) mod settings;
pub(crate) mod sheets;
pub(crate) mod tokens;
pub(crate) mod tryout;
pub(crate) mod unita;
pub(crate) mod view;

use std::str::FromStr;

use axum::extract::Path;
use axum::extract::rejection::PathRejection;

use crate::reply::Failure;

/// The id that a path holds; what is none is a page that is not there.
pub(crate) fn id<T: FromStr>(path: Result<Path<String>, PathRejection>) -> Result<T, Failure> {
    path.ok().and_then(|Path(text)| text.parse().ok()).ok_or(Failure::NotFound)
}

#[cfg(test)]
mod tests {
    use templates::{Area, Entry, Layout, Page, Renderer, UserView};

    /// Renders every sample of a page: with and without the band of the demonstration, for nobody and for somebody. A page
    /// whose forms carry the session's token is for somebody alone.
    fn check<P: Page>(is_personal: bool) {
        let renderer = Renderer::new().expect("every template is valid");
        let samples = P::samples();
        assert!(!samples.is_empty(), "{} has no samples", P::TEMPLATE);
        let somebody = UserView {
            name: "Anna Prova".to_owned(),
            role: "operator".to_owned(),
            ente: Some("Ente di prova".to_owned()),
            agreement: None,
            csrf: "token-of-the-session".to_owned(),
            entries: vec![Entry { area: Area::Persone, path: "/persone".to_owned() }],
        };
        for sample in samples {
            for (is_demonstration, user) in [(false, None), (true, Some(somebody.clone()))] {
                if is_personal && user.is_none() {
                    continue;
                }
                let layout = Layout { is_demonstration, area: Area::Home, has_accounts: true, user };
                let html = renderer.render(&sample, &layout).unwrap_or_else(|error| {
                    panic!("{}: {}", P::TEMPLATE, error.source);
                });
                assert!(html.contains("</html>"), "{} is cut", P::TEMPLATE);
                assert_eq!(html.contains("dati sintetici"), is_demonstration, "{}", P::TEMPLATE);
                let title = html.split("<title>").nth(1).and_then(|rest| rest.split("</title>").next());
                // Browsers keep titles in their history, and laptops are lost.
                assert!(
                    title.is_some_and(|title| !title.contains("Rossi")),
                    "{} names a persona in its title",
                    P::TEMPLATE
                );
                assert!(!html.contains(" style="), "{} has an inline style", P::TEMPLATE);
                let posts = html.matches("method=\"post\"").count();
                let tokens = html.matches("name=\"csrf\"").count();
                let without = html.matches("/prova\" autocomplete").count();
                assert_eq!(posts - without, tokens, "{}: a form without its token", P::TEMPLATE);
                let mut ids: Vec<&str> =
                    html.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
                ids.sort_unstable();
                let count = ids.len();
                ids.dedup();
                assert_eq!(ids.len(), count, "{}: an id twice", P::TEMPLATE);
            }
        }
    }

    #[test]
    fn every_page_renders_its_samples() {
        check::<super::account::OwnAccountPage>(true);
        check::<super::account_form::AccountForm>(true);
        check::<super::accounts::AccountCreated>(true);
        check::<super::accounts::Accounts>(true);
        check::<super::amend::Amend>(true);
        check::<super::annul::Annul>(true);
        check::<super::assessment::AssessmentPage>(true);
        check::<super::audit::AuditPage>(true);
        check::<super::compare::Compare>(false);
        check::<super::confirm::Confirm>(true);
        check::<super::desk::DeskPage>(true);
        check::<super::draft::DraftPage>(true);
        check::<super::draft_summary::DraftSummary>(true);
        check::<super::duplicates::Duplicates>(true);
        check::<super::ente::EntePage>(true);
        check::<super::ente_form::EnteForm>(true);
        check::<super::enti::Enti>(true);
        check::<super::erase::ErasePage>(true);
        check::<super::erase::ErasedPage>(true);
        check::<super::home::Home>(false);
        check::<super::identified::IdentifiedForm>(true);
        check::<super::identified::IdentifiedList>(true);
        check::<super::identified::IdentifiedOne>(true);
        check::<super::import_form::ImportForm>(true);
        check::<super::import_template::Template>(false);
        check::<super::import_trial::TrialPage>(true);
        check::<super::imports::Imports>(true);
        check::<super::instrument::InstrumentPage>(false);
        check::<super::instruments::Instruments>(false);
        check::<super::interest::InterestForm>(false);
        check::<super::interest::InterestReceived>(false);
        check::<super::interests::InterestPage>(true);
        check::<super::interests::Interests>(true);
        check::<super::login::Login>(false);
        check::<super::message::Message>(false);
        check::<super::notices::Accessibility>(false);
        check::<super::notices::Privacy>(false);
        check::<super::offline::Offline>(false);
        check::<super::offline::Take>(true);
        check::<super::password::Password>(true);
        check::<super::persona::PersonaPage>(true);
        check::<super::persona_case::CasePage>(true);
        check::<super::persona_form::PersonaForm>(true);
        check::<super::persone::Persone>(true);
        check::<super::questionari::Questionari>(true);
        check::<super::research_account::ResearchAccountPage>(true);
        check::<super::research_accounts::ResearchAccountsPage>(true);
        check::<super::retention::Retention>(true);
        check::<super::second_factor::GiveSecondFactor>(true);
        check::<super::second_factor::RecoveryCodes>(true);
        check::<super::second_factor::SetUpSecondFactor>(true);
        check::<super::settings::Settings>(true);
        check::<super::tokens::TokenForm>(true);
        check::<super::tokens::TokenMade>(true);
        check::<super::tryout::Tryout>(false);
        check::<super::tryout::TryoutReport>(false);
    }
}
