//! The nightly batch: stages from feed segments to one encrypted partition per Ente; releases.
