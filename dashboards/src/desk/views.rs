//! Views that managers saved: an address of the dashboards under a name, for themselves or for everybody of the Ente.

use axum::extract::{Path, Query, State};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use templates::Page;
use workspace::{EnteError, SavedView, ViewId};

use super::{Asked, Trouble, id, to};
use crate::fields::{Field, Fields, Problem, Sent, words_of};
use crate::{Dashboards, text};

const PATH: &str = "/cruscotti/viste";

#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Offered {
    indirizzo: Option<String>,
}

/// A view as the page shows it.
#[derive(Clone, Debug, Serialize)]
struct View {
    id: String,
    title: String,
    address: String,
    owner: String,
    is_own: bool,
    is_shared: bool,
    saved_on: String,
}

/// What is saved, and the form of one more.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Views {
    views: Vec<View>,
    problems: Vec<Problem>,
    title: Field,
    /// The address to be saved: the form is there when there is one.
    address: Field,
    is_shared: bool,
}

impl View {
    fn of(view: &SavedView, account: uuid::Uuid) -> Self {
        Self {
            id: view.id.to_string(),
            title: view.title.clone(),
            address: view.address.clone(),
            owner: view.owner.name.clone(),
            is_own: view.owner.account == account,
            is_shared: view.is_shared,
            saved_on: text::day(view.created_at).format("%d/%m/%Y").to_string(),
        }
    }
}

impl Page for Views {
    const TEMPLATE: &'static str = "pages/saved_views.html";

    fn samples() -> Vec<Self> {
        let view = |is_own, is_shared| View {
            id: "1".to_owned(),
            title: "Donne senza lavoro".to_owned(),
            address: "/cruscotti/quadro?sesso=f".to_owned(),
            owner: "Anna Rossi".to_owned(),
            is_own,
            is_shared,
            saved_on: "30/11/2026".to_owned(),
        };
        let blank = Self {
            views: Vec::new(),
            problems: Vec::new(),
            title: Field::default(),
            address: Field::default(),
            is_shared: false,
        };
        let asked = Self { address: Field::of("/cruscotti/esplora?righe=eta"), ..blank.clone() };
        let error = Some("required");
        let wrong = Self {
            problems: vec![Problem { name: "title", code: "required" }],
            title: Field { value: String::new(), error },
            is_shared: true,
            ..asked.clone()
        };
        let full = Self { views: vec![view(true, false), view(true, true), view(false, true)], ..blank.clone() };
        vec![blank, asked, wrong, full]
    }
}

async fn page(asked: &Asked, title: Field, address: Field, is_shared: bool) -> Result<Views, Trouble> {
    let account = asked.person.account;
    let views = asked.desk.workspace.views(asked.viewer.ente, account).await?;
    let problem = |name, field: &Field| field.error.map(|code| Problem { name, code });
    let problems = [problem("title", &title), problem("address", &address)];
    Ok(Views {
        views: views.iter().map(|view| View::of(view, account)).collect(),
        problems: problems.into_iter().flatten().collect(),
        title,
        address,
        is_shared,
    })
}

pub(super) async fn list(
    State(dashboards): State<Dashboards>,
    asked: Asked,
    Query(offered): Query<Offered>,
) -> Response {
    let is_ours = |address: &String| address.starts_with("/cruscotti/") && !address.contains("..");
    let address = offered.indirizzo.filter(is_ours).unwrap_or_default();
    let outcome = match page(&asked, Field::default(), Field::of(address), false).await {
        Ok(page) => Ok(asked.page(&dashboards, page).await),
        Err(trouble) => Err(trouble),
    };
    asked.answer(&dashboards, outcome).await
}

pub(super) async fn save(State(dashboards): State<Dashboards>, asked: Asked, sent: Sent) -> Response {
    let outcome = save_or_say(&dashboards, &asked, sent).await;
    asked.answer(&dashboards, outcome).await
}

async fn save_or_say(dashboards: &Dashboards, asked: &Asked, sent: Sent) -> Result<Response, Trouble> {
    let fields = Fields::read(sent)?;
    let (mut title, mut address) = (fields.field("title"), fields.field("address"));
    let is_shared = fields.get("condivisa") == "si";
    let (desk, ente) = (&asked.desk, asked.viewer.ente);
    let mut chance = desk.chance();
    let saved = desk.workspace.save_view(ente, &asked.person, &title.value, &address.value, desk.now(), &mut chance);
    match saved.await {
        Ok(view) => {
            if is_shared {
                desk.workspace.share_view(ente, asked.person.account, view).await?;
            }
            return Ok(to(PATH));
        }
        Err(EnteError::Field { field: "address", problem }) => address.error = Some(words_of(problem)),
        Err(EnteError::Field { problem, .. }) => title.error = Some(words_of(problem)),
        Err(EnteError::ViewsFull { .. }) => title.error = Some("views_full"),
        Err(error) => return Err(error.into()),
    }
    let page = page(asked, title, address, is_shared).await?;
    let mut response = asked.page(dashboards, page).await;
    *response.status_mut() = axum::http::StatusCode::UNPROCESSABLE_ENTITY;
    Ok(response)
}

pub(super) async fn share(
    State(dashboards): State<Dashboards>,
    asked: Asked,
    Path(view): Path<String>,
    sent: Sent,
) -> Response {
    let shared = async {
        let (view, is_shared) = (id::<ViewId>(&view)?, Fields::read(sent)?.get("condivisa") == "si");
        let (workspace, account) = (&asked.desk.workspace, asked.person.account);
        if is_shared {
            workspace.share_view(asked.viewer.ente, account, view).await?;
        } else {
            workspace.unshare_view(asked.viewer.ente, account, view).await?;
        }
        Ok(to(PATH))
    };
    let outcome = shared.await;
    asked.answer(&dashboards, outcome).await
}

pub(super) async fn delete(State(dashboards): State<Dashboards>, asked: Asked, Path(view): Path<String>) -> Response {
    let deleted = async {
        asked.desk.workspace.delete_view(asked.viewer.ente, asked.person.account, id(&view)?).await?;
        Ok(to(PATH))
    };
    let outcome = deleted.await;
    asked.answer(&dashboards, outcome).await
}
