//! One extraction: how far it is, the file to take, deleting it before its time.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Redirect, Response};
use futures_core::Stream;
use serde::Serialize;
use templates::Page;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::{Asked, ExtractionView, Refusal, sample_views};
use crate::extraction::keep::KeepError;
use crate::extraction::record::{self, Record};
use crate::extraction::{Act, Extractions};
use crate::pages::NO_STORE;

/// Pieces that may wait for a slow reader.
const AHEAD: usize = 2;

#[derive(Serialize)]
pub(crate) struct One {
    ente: String,
    extraction: ExtractionView,
}

impl Page for One {
    const TEMPLATE: &'static str = "pages/extraction.html";

    fn samples() -> Vec<Self> {
        let of = |extraction| Self { ente: "Ambito dimostrativo".to_owned(), extraction };
        sample_views().into_iter().map(of).collect()
    }
}

/// The id of an address; one that makes no sense is that of nothing.
fn id(path: Result<Path<Uuid>, PathRejection>) -> Result<Uuid, Refusal> {
    path.map(|Path(id)| id).map_err(|_| Refusal::NotFound)
}

pub(crate) async fn get(
    State(extractions): State<Extractions>,
    asked: Asked,
    path: Result<Path<Uuid>, PathRejection>,
) -> Response {
    let outcome = show(&extractions, &asked, path).await;
    asked.answer(&extractions, outcome).await
}

async fn show(
    extractions: &Extractions,
    asked: &Asked,
    path: Result<Path<Uuid>, PathRejection>,
) -> Result<Response, Refusal> {
    let id = id(path)?;
    let kept = asked.with_shelf(extractions, move |shelf, now| shelf.one(id, now)).await?.ok_or(Refusal::NotFound)?;
    asked.seen().await?;
    let extraction = ExtractionView::new(&kept, &extractions.shared.instruments);
    Ok(asked.page(extractions, One { ente: asked.extractor.ente_name.clone(), extraction }).await)
}

pub(crate) async fn download(
    State(extractions): State<Extractions>,
    asked: Asked,
    path: Result<Path<Uuid>, PathRejection>,
) -> Response {
    let outcome = take(&extractions, &asked, path).await;
    asked.answer(&extractions, outcome).await
}

async fn take(
    extractions: &Extractions,
    asked: &Asked,
    path: Result<Path<Uuid>, PathRejection>,
) -> Result<Response, Refusal> {
    let id = id(path)?;
    let found = asked.with_shelf(extractions, move |shelf, now| {
        let Some(kept) = shelf.one(id, now)? else { return Ok(None) };
        let is_ready = matches!(kept.record.state, record::State::Ready { .. });
        // All of it is read once before any of it is sent: what was changed on the disk is refused, not cut.
        Ok(Some((kept.record, is_ready.then(|| shelf.read(id)))))
    });
    let (record, reader) = found.await?.ok_or(Refusal::NotFound)?;
    let mut reader = match reader {
        // It is under way, or will never be: its page says which.
        None => return Ok(Redirect::to(&format!("/estrazioni/{id}")).into_response()),
        Some(Ok(reader)) => reader,
        Some(Err(error)) => {
            tracing::error!(ente.id = %asked.extractor.ente, extraction = %id, %error, "an extraction is not what was kept");
            asked.done(Act::Fail, id, "damaged".to_owned()).await?;
            return Err(Refusal::Broken);
        }
    };
    asked.done(Act::Download, id, taken(&record)).await?;
    let (sender, pieces) = mpsc::channel(AHEAD);
    tokio::task::spawn_blocking(move || {
        loop {
            let piece = match reader.piece() {
                Ok(Some(piece)) => Ok(Bytes::copy_from_slice(&piece)),
                Ok(None) => return,
                Err(error) => Err(error),
            };
            let is_over = piece.is_err();
            // A reader who has left wants no more.
            if sender.blocking_send(piece).is_err() || is_over {
                return;
            }
        }
    });
    let (ending, media_type) = record.wanted.format.file_type();
    let mark = &id.simple().to_string()[..8];
    let record::Wanted { instrument, from, until, .. } = &record.wanted;
    let name = format!("attachment; filename=\"estrazione-{instrument}-{from}-{until}-{mark}.{ending}\"");
    // Said to be as it is, so that nobody compresses what is compressed.
    let headers = [(header::CONTENT_TYPE, media_type), (header::CONTENT_ENCODING, "identity"), NO_STORE];
    Ok((headers, [(header::CONTENT_DISPOSITION, name)], Body::from_stream(Pieces(pieces))).into_response())
}

/// What the audit is told of who takes it.
fn taken(record: &Record) -> String {
    match &record.state {
        record::State::Ready { rows, bytes, .. } => {
            format!("{} {}", record.wanted.summary(), record::counts(rows, *bytes))
        }
        record::State::Running { .. } | record::State::Interrupted | record::State::Failed { .. } => {
            record.wanted.summary()
        }
    }
}

/// Pieces as they are decrypted.
struct Pieces(mpsc::Receiver<io::Result<Bytes>>);

impl Stream for Pieces {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context)
    }
}

pub(crate) async fn delete(
    State(extractions): State<Extractions>,
    asked: Asked,
    path: Result<Path<Uuid>, PathRejection>,
) -> Response {
    let outcome = remove(&extractions, &asked, path).await;
    asked.answer(&extractions, outcome).await
}

async fn remove(
    extractions: &Extractions,
    asked: &Asked,
    path: Result<Path<Uuid>, PathRejection>,
) -> Result<Response, Refusal> {
    let id = id(path)?;
    let kept = asked.with_shelf(extractions, move |shelf, now| shelf.one(id, now)).await?.ok_or(Refusal::NotFound)?;
    if matches!(kept.record.state, record::State::Running { .. }) && !kept.is_interrupted {
        return Ok(Redirect::to(&format!("/estrazioni/{id}")).into_response());
    }
    asked.done(Act::Delete, id, kept.record.wanted.summary()).await?;
    asked.with_shelf(extractions, move |shelf, _| -> Result<(), KeepError> { shelf.delete(id) }).await?;
    Ok(Redirect::to("/estrazioni").into_response())
}
