//! What is signed or sent between an administration and the platform: agreements, and copies of expressions of interest.

use chrono::{DateTime, Utc};
use documents::{Agreement, AgreementText, Contact, Interest, Issue, Party};
use store::{Ente, InterestData};

use super::words::{platform, platform_name};
use super::{italian_moment, versioned};
use crate::pages::people::comune_name;
use crate::portal::Portal;
use crate::visitor::italian_day;

/// What the platform gives out.
pub(crate) fn issue_of_platform(portal: &Portal, made_by: Option<String>, is_demo: bool, now: DateTime<Utc>) -> Issue {
    Issue {
        ente: platform_name().to_owned(),
        unit: None,
        made_on: italian_day(now),
        made_by,
        is_demonstration: portal.is_demonstration() || is_demo,
    }
}

/// An administration of which its name alone is known.
fn party(name: &str) -> Party {
    Party {
        name: name.to_owned(),
        ipa_code: None,
        fiscal_code: None,
        address: None,
        pec: None,
        represented_by: None,
        office: None,
        dpo: None,
    }
}

/// An agreement as it is to be signed; `None` for a text that this program does not have.
pub(crate) fn agreement(portal: &Portal, issue: Issue, ente: &Ente, agreement: &store::Agreement) -> Option<Agreement> {
    let terms = &agreement.terms;
    let text = match terms.text_version {
        1 => AgreementText::One,
        _ => return None,
    };
    Some(Agreement {
        issue,
        text,
        number: Some(terms.number.clone()),
        platform: platform(),
        ente: party(&ente.name),
        comuni: ente.comuni.iter().map(|code| comune_name(code)).collect(),
        strumenti: portal.instruments().map(|one| versioned(one.title.to_string(), one.version)).collect(),
        ente_contact: None,
        platform_contact: None,
        starts_on: Some(terms.from),
        ends_on: Some(terms.until),
        sub_processors: Vec::new(),
    })
}

/// The copy of an expression of interest.
pub(crate) fn interest(issue: Issue, number: String, sent_at: DateTime<Utc>, data: &InterestData) -> Interest {
    let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    Interest {
        issue,
        number,
        sent_at: italian_moment(sent_at),
        platform: platform(),
        ente: Party { ipa_code: given(&data.ipa_code), pec: given(&data.pec), ..party(&data.administration) },
        comuni: data.comuni.lines().map(str::trim).filter(|line| !line.is_empty()).map(ToOwned::to_owned).collect(),
        population: None,
        population_year: None,
        contact: Contact {
            name: data.contact.clone(),
            office: given(&data.contact_role),
            email: given(&data.email),
            phone: given(&data.phone),
        },
        strumenti: Vec::new(),
        accounts_expected: None,
        message: given(&data.note),
    }
}
