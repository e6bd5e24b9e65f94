//! Who can do what in an Ente, on paper.

use documents::{AccountRow, AccountsList, Issue, RightRow};
use store::{Account, Right, Role, Unita};

use super::words::words;
use crate::pages::accounts::state;
use crate::visitor::italian_day;

/// The rights that a role of an Ente may have, in the order they are read.
const RIGHTS: [Right; 9] = [
    Right::SeeEnte,
    Right::SeePersone,
    Right::Assess,
    Right::Assign,
    Right::Import,
    Right::Erase,
    Right::ManageAccounts,
    Right::SeeDashboards,
    Right::Query,
];

/// The code under which the words of a right are found; `None` of those that no role of an Ente has.
const fn code(right: Right) -> Option<&'static str> {
    match right {
        Right::SeeEnte => Some("see_ente"),
        Right::SeePersone => Some("see_persone"),
        Right::Assess => Some("assess"),
        Right::Assign => Some("assign"),
        Right::Import => Some("import"),
        Right::Erase => Some("erase"),
        Right::ManageAccounts => Some("manage_accounts"),
        Right::SeeDashboards => Some("see_dashboards"),
        Right::Query => Some("query"),
        // What one has done oneself goes with `Assess`; extracts are given by name; the rest is the platform's.
        Right::SeeOwnWork
        | Right::ExtractPseudonymous
        | Right::ExtractIdentified
        | Right::ManageEnti
        | Right::Release
        | Right::UseReleases => None,
    }
}

/// The list.
pub(crate) fn accounts_list(issue: Issue, accounts: &[Account], unita: &[Unita]) -> AccountsList {
    let roles: Vec<Role> = Role::ALL.into_iter().filter(|role| role.is_of_an_ente()).collect();
    let row = |account: &Account| AccountRow {
        name: account.display_name.clone(),
        username: account.username.clone(),
        roles: vec![words("role", account.role.code())],
        unit: unita.iter().find(|one| Some(one.id) == account.unita).map(|one| one.name.clone()),
        sees: account.role.may(Right::SeePersone).then(|| words("reach", account.reach.code())),
        extra_rights: account
            .granted
            .iter()
            .filter_map(|right| right.code())
            .map(|code| words("right", code))
            .collect(),
        state: words("account_state", state(account)),
        since: Some(italian_day(account.created_at)),
        last_seen_on: account.last_login_at.map(italian_day),
        has_second_factor: Some(account.has_second_factor),
    };
    AccountsList {
        issue,
        accounts: accounts.iter().map(row).collect(),
        roles: roles.iter().map(|role| words("role", role.code())).collect(),
        rights: RIGHTS
            .into_iter()
            .filter_map(|right| Some((right, code(right)?)))
            .map(|(right, code)| RightRow {
                right: words("role_right", code),
                allowed: roles.iter().map(|role| role.may(right)).collect(),
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_right_that_a_role_of_an_ente_has_is_listed_in_words() {
        for right in Right::ALL {
            let is_of_a_role = Role::ALL.into_iter().any(|role| role.is_of_an_ente() && role.may(right));
            let is_listed = RIGHTS.contains(&right);
            assert_eq!(is_listed, code(right).is_some(), "{right:?}");
            assert!(is_listed || !is_of_a_role || right == Right::SeeOwnWork, "{right:?} is not listed");
            if let Some(code) = code(right) {
                assert!(templates::term("role_right", code).is_some(), "{code} has no words");
            }
        }
    }
}
