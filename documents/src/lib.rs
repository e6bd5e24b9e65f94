//! Papers as tagged, archivable PDF: values in, bytes out.
//!
//! A paper is a struct of values and a `.typ` file beside the others in `typ/`, which has every word that is read. This package
//! has no IO and no clock, and knows nothing of our other packages: the same values give the same bytes. What people typed
//! is never markup: it reaches the type as text, and a character that no font here has becomes a visible sign.
//!
//! ```
//! # use documents::{Paper, Press, Sheet};
//! let press = Press::new()?;
//! for paper in Sheet::samples() {
//!     let pdf = press.print(&paper)?;
//!     assert!(pdf.starts_with(b"%PDF-1.7"));
//! }
//! # Ok::<(), documents::PaperError>(())
//! ```

mod papers;
mod press;
mod text;
mod world;

#[cfg(test)]
mod tests;

pub use papers::*;
pub use press::{Paper, PaperError, Press};
