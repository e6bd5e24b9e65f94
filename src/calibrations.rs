//! What an Ente's own data say of the precision of strumenti, copied from its lake to a file that the portal's reports read: the
//! portal has no key of the lake, and the lake's side none of the portal's.

use std::fs;
use std::io;
use std::path::Path;

use anyhow::{Context, Result};
use domain::calibration::{CalibratedScale, Calibration, VersionedCalibration};
use domain::feed::EnteId;
use domain::instrument::Id;
use intake::CalibrationReader;
use warehouse::{EnteLake, Lake, ReliabilityRow};

use crate::data_folder::{DataFolder, cannot};

/// The mart that says it.
const RELIABILITY: &str = "mart_reliability";

/// Brings the calibrations of these Enti up to what is published; those of Enti that are not there any more go.
pub(crate) fn copy(folder: &DataFolder, lake: &Lake, enti: &[EnteId]) -> Result<()> {
    for ente in enti {
        let path = folder.calibration(*ente);
        match lake.sound(*ente, |table| table == RELIABILITY)? {
            Some(published) => {
                let calibration = VersionedCalibration::V1(of(&published)?);
                let text = serde_json::to_vec_pretty(&calibration)?;
                if fs::read(&path).ok().as_deref() != Some(&text) {
                    warehouse::write_whole(&path, &text).with_context(|| cannot("write", &path))?;
                }
            }
            None => match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(error).with_context(|| cannot("remove", &path));
                }
                Ok(()) | Err(_) => {}
            },
        }
    }
    Ok(())
}

fn of(published: &EnteLake) -> Result<Calibration> {
    let manifest = published.manifest();
    let scale = |row: ReliabilityRow| {
        Some(CalibratedScale {
            instrument: Id::parse(&row.instrument).ok()?,
            version: row.version.try_into().ok()?,
            scale: Id::parse(&row.scale).ok()?,
            people: row.cases,
            sem_hundredths: row.sem_hundredths?.try_into().ok()?,
        })
    };
    let scales = published.reliability()?.into_iter().filter_map(scale).collect();
    Ok(Calibration { ente: manifest.ente, published_at: manifest.published_at, scales })
}

/// Reads calibrations for the portal.
pub(crate) fn reader(folder: &DataFolder) -> CalibrationReader {
    let folder = folder.clone();
    std::sync::Arc::new(move |ente| {
        read(&folder.calibration(ente), ente)
            .inspect_err(|error| tracing::error!(ente.id = %ente, %error, "the calibration of an Ente cannot be read"))
            .ok()
            .flatten()
    })
}

fn read(path: &Path, ente: EnteId) -> io::Result<Option<Calibration>> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let calibration = serde_json::from_slice::<VersionedCalibration>(&bytes)?.into_latest();
    Ok(Some(calibration).filter(|calibration| calibration.ente == ente))
}
