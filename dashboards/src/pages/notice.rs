//! The page that says why there are no figures.

use axum::http::StatusCode;
use serde::Serialize;
use templates::Page;

/// Why there are none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum NoticeKind {
    /// Nothing was published of this Ente yet.
    Empty,
    /// They are being computed.
    Preparing,
    /// They could not be protected.
    Refused,
    /// The lake cannot be read.
    Broken,
}

impl NoticeKind {
    pub(crate) const fn status(self) -> StatusCode {
        match self {
            Self::Empty => StatusCode::OK,
            Self::Preparing => StatusCode::SERVICE_UNAVAILABLE,
            Self::Refused | Self::Broken => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

#[derive(Serialize)]
pub(crate) struct Notice {
    pub(crate) kind: NoticeKind,
    pub(crate) ente: String,
}

impl Page for Notice {
    const TEMPLATE: &'static str = "pages/dashboard_notice.html";

    fn samples() -> Vec<Self> {
        [NoticeKind::Empty, NoticeKind::Preparing, NoticeKind::Refused, NoticeKind::Broken]
            .map(|kind| Self { kind, ente: "Ambito dimostrativo".to_owned() })
            .into()
    }
}
