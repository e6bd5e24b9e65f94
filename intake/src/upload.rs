//! Forms with a file (multipart/form-data): the token first, then the file into memory, up to a limit of its own.
//!
//! A file is read only once the token, which must be the form's first field, is proved. What is refused is read to the end
//! and thrown away, as far as that is worth it: a browser that is still sending shows no answer.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::request::Parts;
use http_body_util::BodyExt;
use multer::{Constraints, Field, Multipart, SizeLimit};
use store::Refused;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::form::{Fields, Reading};
use crate::import::trials::File;
use crate::portal::Portal;
use crate::reply::Failure;

/// Bytes of a file.
pub(crate) const FILE_BYTES_MAX: usize = 20 * 1024 * 1024;
/// Bytes that are read to their end, and thrown away, so that the answer is seen.
const BYTES_MAX: u64 = 64 * 1024 * 1024;
/// For how long.
const DRAIN_TIME_MAX: Duration = Duration::from_secs(10);
/// Files that are read at once: each stands in memory.
pub(crate) const FILES_AT_ONCE: usize = 4;
/// Bytes of a field that is no file.
const TEXT_BYTES_MAX: usize = 4 * 1024;
/// Fields that are no files.
const TEXTS_MAX: usize = 16;

/// The file of a form.
#[derive(Clone)]
pub(crate) enum Upload {
    /// None was chosen, or it is empty.
    Absent,
    /// It has more bytes than are taken.
    TooLarge,
    /// All of it.
    File(File),
}

impl Upload {
    /// The file, or a note of what is wrong with it under its name.
    pub(crate) fn file(self, reading: &mut Reading<'_>, name: &'static str) -> Option<File> {
        match self {
            Self::File(file) => return Some(file),
            Self::Absent => reading.refuse(name, "file_missing"),
            Self::TooLarge => reading.refuse(name, "file_large"),
        }
        None
    }
}

/// Why a form with a file was not read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NotRead {
    /// The token is not proved, or is not where it has to be.
    Unproved,
    /// Nothing that our forms send.
    Senseless,
}

/// There only once the guard of the route has checked the token.
impl FromRequestParts<Portal> for Upload {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Portal) -> Result<Self, Failure> {
        parts.extensions.get::<Self>().cloned().ok_or(Failure::Refused(Refused::NoSession))
    }
}

/// Reads a form with a file; `is_proved` is asked about its first field before anything else is read. `turns` says how many
/// files may be on their way into memory at once.
pub(crate) async fn read(
    headers: &HeaderMap,
    body: Body,
    turns: &Semaphore,
    is_proved: impl Fn(&Fields) -> bool,
) -> Result<(Fields, Upload), NotRead> {
    let boundary = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let Some(boundary) = boundary.and_then(|value| multer::parse_boundary(value).ok()) else {
        drain(headers, body).await;
        return Err(NotRead::Unproved);
    };
    if announced(headers) > BYTES_MAX {
        return Err(NotRead::Senseless);
    }
    let limits = Constraints::new().size_limit(SizeLimit::new().whole_stream(BYTES_MAX));
    let mut form = Multipart::with_constraints(body.into_data_stream(), boundary, limits);
    let outcome = fields(&mut form, announced(headers), turns, is_proved).await;
    if outcome.is_err() {
        let rest = async {
            while let Ok(Some(mut rest)) = form.next_field().await {
                while matches!(rest.chunk().await, Ok(Some(_))) {}
            }
        };
        // Past that time nobody waits for the answer.
        let _ = tokio::time::timeout(DRAIN_TIME_MAX, rest).await;
    }
    outcome
}

async fn fields(
    form: &mut Multipart<'_>,
    announced: u64,
    turns: &Semaphore,
    is_proved: impl Fn(&Fields) -> bool,
) -> Result<(Fields, Upload), NotRead> {
    let first = next(form).await?.ok_or(NotRead::Unproved)?;
    let mut pairs = vec![text(first).await.map_err(|_| NotRead::Unproved)?];
    if !is_proved(&Fields::new(pairs.clone())) {
        return Err(NotRead::Unproved);
    }
    let _turn = turns.acquire().await.map_err(|_| NotRead::Senseless)?;
    let mut upload = None;
    while let Some(field) = next(form).await? {
        if field.file_name().is_none() {
            if pairs.len() >= TEXTS_MAX {
                return Err(NotRead::Senseless);
            }
            pairs.push(text(field).await?);
        } else if upload.is_some() {
            return Err(NotRead::Senseless);
        } else {
            upload = Some(file(field, announced).await?);
        }
    }
    Ok((Fields::new(pairs), upload.unwrap_or(Upload::Absent)))
}

async fn next<'r>(form: &mut Multipart<'r>) -> Result<Option<Field<'r>>, NotRead> {
    form.next_field().await.map_err(|_| NotRead::Senseless)
}

/// A field that is no file.
async fn text(mut field: Field<'_>) -> Result<(String, String), NotRead> {
    if field.file_name().is_some() {
        return Err(NotRead::Senseless);
    }
    let name = field.name().ok_or(NotRead::Senseless)?.to_owned();
    let mut bytes = Vec::new();
    while let Some(chunk) = field.chunk().await.map_err(|_| NotRead::Senseless)? {
        if bytes.len() + chunk.len() > TEXT_BYTES_MAX {
            return Err(NotRead::Senseless);
        }
        bytes.extend_from_slice(&chunk);
    }
    let value = String::from_utf8(bytes).map_err(|_| NotRead::Senseless)?;
    Ok((name, value))
}

/// A file; of one that is too large nothing is kept.
async fn file(mut field: Field<'_>, announced: u64) -> Result<Upload, NotRead> {
    // As many bytes as the form has: a buffer that grows leaves copies behind.
    let capacity = usize::try_from(announced).map_or(0, |announced| announced.min(FILE_BYTES_MAX));
    let mut bytes = Zeroizing::new(Vec::with_capacity(capacity));
    let mut is_too_large = false;
    while let Some(chunk) = field.chunk().await.map_err(|_| NotRead::Senseless)? {
        is_too_large |= bytes.len() + chunk.len() > FILE_BYTES_MAX;
        if !is_too_large {
            bytes.extend_from_slice(&chunk);
        }
    }
    Ok(match (is_too_large, bytes.is_empty()) {
        (true, _) => Upload::TooLarge,
        (false, true) => Upload::Absent,
        (false, false) => Upload::File(Arc::new(bytes)),
    })
}

fn announced(headers: &HeaderMap) -> u64 {
    headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()).and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// Throws away what is being sent, up to a limit and for a while.
pub(crate) async fn drain(headers: &HeaderMap, mut body: Body) {
    if announced(headers) > BYTES_MAX {
        return;
    }
    let rest = async {
        let mut left = BYTES_MAX;
        while let Some(Ok(frame)) = body.frame().await {
            let length = frame.data_ref().map_or(0, |data| data.len() as u64);
            match left.checked_sub(length) {
                Some(rest) => left = rest,
                None => return,
            }
        }
    };
    // Past that time nobody waits for the answer.
    let _ = tokio::time::timeout(DRAIN_TIME_MAX, rest).await;
}
