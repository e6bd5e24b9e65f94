//! What an Ente sets for itself: whether drafts may be taken along, after how many days somebody is due again, for how long
//! persone are kept.

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use store::{REASSESS_DAYS_MAX, RETENTION_MONTHS_MAX, Right};
use templates::{Area, Page};

use crate::form::{Field, Fields};
use crate::reply::{self, Outcome};
use crate::visitor::{Desk, ManageAccounts};

#[derive(Serialize)]
pub(crate) struct Settings {
    is_done: bool,
    is_offline: bool,
    days_max: u32,
    intervals: Vec<Interval>,
    retention: Field,
    retention_max: u32,
}

/// The interval of a strumento.
#[derive(Serialize)]
struct Interval {
    name: String,
    title: String,
    days: Field,
}

impl Settings {
    fn has_problems(&self) -> bool {
        self.retention.error.is_some() || self.intervals.iter().any(|interval| interval.days.error.is_some())
    }
}

impl Page for Settings {
    const TEMPLATE: &'static str = "pages/settings.html";

    fn samples() -> Vec<Self> {
        let interval = |error| Interval {
            name: "days.asso".to_owned(),
            title: "ASSO".to_owned(),
            days: Field { value: "180".to_owned(), error },
        };
        [(true, true, None), (false, false, Some("days"))]
            .map(|(is_done, is_offline, error)| Self {
                is_done,
                is_offline,
                days_max: REASSESS_DAYS_MAX,
                intervals: vec![interval(error)],
                retention: Field { value: "120".to_owned(), error: error.map(|_| "months") },
                retention_max: RETENTION_MONTHS_MAX,
            })
            .into()
    }
}

#[derive(Deserialize)]
pub(crate) struct Done {
    fatto: Option<String>,
}

/// The settings as they are.
async fn read(desk: &Desk<ManageAccounts>, is_done: bool) -> Result<Settings, reply::Failure> {
    let scope = desk.session.scope(Right::SeeEnte)?;
    let set = desk.store.reassess_days(&scope).await?;
    let intervals = desk.portal().instruments().map(|instrument| {
        let days = set.get(&instrument.id).copied().or(instrument.reassess_after_days).unwrap_or(0);
        Interval {
            name: format!("days.{}", instrument.id),
            title: instrument.title.to_string(),
            days: Field::new(days.to_string()),
        }
    });
    Ok(Settings {
        is_done,
        is_offline: desk.store.allows_offline(&scope).await?,
        days_max: REASSESS_DAYS_MAX,
        intervals: intervals.collect(),
        retention: Field::new(desk.store.retention_months(&scope).await?.unwrap_or(0).to_string()),
        retention_max: RETENTION_MONTHS_MAX,
    })
}

pub(crate) async fn get(desk: Desk<ManageAccounts>, done: Result<Query<Done>, QueryRejection>) -> Outcome {
    let is_done = done.is_ok_and(|Query(done)| done.fatto.is_some());
    let page = read(&desk, is_done).await?;
    Ok(desk.visitor.page(Area::Impostazioni, StatusCode::OK, &page))
}

pub(crate) async fn post(desk: Desk<ManageAccounts>, fields: Fields) -> Outcome {
    let mut page = read(&desk, false).await?;
    let is_offline = fields.get("offline") == "si";
    let mut changed = Vec::new();
    for (interval, instrument) in page.intervals.iter_mut().zip(desk.portal().instruments()) {
        let text = fields.get(&interval.name);
        match text.parse::<u32>().ok().filter(|days| *days <= REASSESS_DAYS_MAX) {
            // One that nobody touched stays what the definition says, also when the definition changes.
            Some(_) if text == interval.days.value => {}
            Some(days) => changed.push((instrument.id.clone(), days)),
            None => interval.days = Field { value: text.to_owned(), error: Some("days") },
        }
    }
    let months = fields.get("retention");
    let months_set = months.parse::<u32>().ok().filter(|months| *months <= RETENTION_MONTHS_MAX);
    let is_retention_changed = months != page.retention.value;
    if months_set.is_none() {
        page.retention = Field { value: months.to_owned(), error: Some("months") };
    }
    if page.has_problems() {
        page.is_offline = is_offline;
        return Ok(desk.visitor.page(Area::Impostazioni, StatusCode::UNPROCESSABLE_ENTITY, &page));
    }
    if is_offline != page.is_offline {
        desk.store.set_offline(&desk.scope, is_offline, desk.now).await?;
    }
    if let Some(months) = months_set.filter(|_| is_retention_changed) {
        desk.store.set_retention_months(&desk.scope, months, desk.now).await?;
    }
    for (instrument, days) in changed {
        desk.store.set_reassess_days(&desk.scope, &instrument, days, desk.now).await?;
    }
    Ok(reply::see("/impostazioni?fatto=1"))
}
