//! The demonstration's synthetic world: Enti, operators, people and what was answered about them.
//!
//! Nobody here exists. Comuni and the numbers of residents by age and sex are real (ISTAT), all else is drawn; the same seed
//! gives the same world. What is made here goes into the store by the functions that portal and import use.

pub(crate) mod answers;
pub(crate) mod enti;
pub(crate) mod fill;
pub(crate) mod people;
pub(crate) mod research;
