//! Today's comuni, provinces and regions, as of [`REFERENCE_DATE`].

use std::sync::LazyLock;

use chrono::NaiveDate;

use crate::codes::{BelfioreCode, ComuneCode, ProvinceCode, RegionCode};
use crate::decode::{Reader, unpack};

/// The day whose comuni this package calls today's.
pub const REFERENCE_DATE: NaiveDate = NaiveDate::from_ymd_opt(2026, 1, 1).expect("a day of the calendar");

/// A comune of today.
#[derive(Debug, Clone, PartialEq)]
pub struct Comune {
    /// ISTAT code.
    pub code: ComuneCode,
    /// Italian name.
    pub name: &'static str,
    /// Official name in another language of the place, where there is one.
    pub other_name: Option<&'static str>,
    /// Its province.
    pub province: ProvinceCode,
    /// Its region.
    pub region: RegionCode,
    /// Its Belfiore code.
    pub belfiore: BelfioreCode,
    /// Longitude of the centroid of its territory, degrees east.
    pub longitude: f64,
    /// Latitude of the centroid of its territory, degrees north.
    pub latitude: f64,
}

/// A province, metropolitan city or whatever else stands between comune and region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Province {
    /// ISTAT code.
    pub code: ProvinceCode,
    /// Two letters, as on number plates.
    pub sigla: &'static str,
    /// Name, with both languages where there are two.
    pub name: &'static str,
    /// Its region.
    pub region: RegionCode,
}

/// A region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region {
    /// ISTAT code.
    pub code: RegionCode,
    /// Name, with both languages where there are two.
    pub name: &'static str,
}

struct Places {
    comuni: Vec<Comune>,
    provinces: Vec<Province>,
    regions: Vec<Region>,
}

static UNPACKED: LazyLock<Vec<u8>> = LazyLock::new(|| unpack(include_bytes!("../data/places.bin")));
static PLACES: LazyLock<Places> = LazyLock::new(|| read(Reader::new(&UNPACKED)));

/// Today's comuni in the order of their ISTAT codes.
pub fn comuni() -> &'static [Comune] {
    &PLACES.comuni
}

/// Today's comune with this ISTAT code.
pub fn comune(code: ComuneCode) -> Option<&'static Comune> {
    index_of(code).map(|index| &comuni()[index])
}

/// The provinces in the order of their codes.
pub fn provinces() -> &'static [Province] {
    &PLACES.provinces
}

/// The province with this code.
pub fn province(code: ProvinceCode) -> Option<&'static Province> {
    provinces().binary_search_by_key(&code, |province| province.code).ok().map(|index| &provinces()[index])
}

/// The regions in the order of their codes.
pub fn regions() -> &'static [Region] {
    &PLACES.regions
}

/// The region with this code.
pub fn region(code: RegionCode) -> Option<&'static Region> {
    regions().binary_search_by_key(&code, |region| region.code).ok().map(|index| &regions()[index])
}

/// Where a comune stands in [`comuni`]; the other tables follow the same order.
pub(crate) fn index_of(code: ComuneCode) -> Option<usize> {
    comuni().binary_search_by_key(&code, |comune| comune.code).ok()
}

fn read(mut data: Reader<'static>) -> Places {
    let regions: Vec<Region> =
        (0..data.length()).map(|_| Region { code: RegionCode::from_data(data.small()), name: data.text() }).collect();
    let provinces: Vec<Province> = (0..data.length())
        .map(|_| {
            let code = ProvinceCode::from_data(data.small());
            let region = RegionCode::from_data(data.small());
            Province { code, sigla: data.text(), name: data.text(), region }
        })
        .collect();
    let comuni = (0..data.length())
        .map(|_| {
            let code = ComuneCode::from_data(data.count());
            let belfiore = data.belfiore();
            let [longitude, latitude] = [data.count(), data.count()].map(|steps| f64::from(steps) / 10_000.0);
            let name = data.text();
            let other_name = Some(data.text()).filter(|other| !other.is_empty());
            let province = provinces
                .binary_search_by_key(&code.province(), |province| province.code)
                .map(|index| &provinces[index])
                .expect("every comune's code begins with a province");
            let region = province.region;
            Comune { code, name, other_name, province: province.code, region, belfiore, longitude, latitude }
        })
        .collect();
    data.finish();
    Places { comuni, provinces, regions }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pordenone_is_where_it_is() {
        let pordenone = comune("093033".parse().unwrap()).unwrap();
        assert_eq!((pordenone.name, pordenone.belfiore.to_string().as_str()), ("Pordenone", "G888"));
        assert_eq!(province(pordenone.province).map(|found| (found.sigla, found.name)), Some(("PN", "Pordenone")));
        assert_eq!(region(pordenone.region).map(|found| found.name), Some("Friuli-Venezia Giulia"));
        assert!((pordenone.longitude - 12.66).abs() < 0.05 && (pordenone.latitude - 45.96).abs() < 0.05);
    }

    #[test]
    fn italy_is_complete_and_in_order() {
        assert_eq!([comuni().len(), provinces().len(), regions().len()], [7896, 107, 20]);
        assert!(comuni().is_sorted_by(|a, b| a.code < b.code));
        assert!(provinces().is_sorted_by(|a, b| a.code < b.code));
        assert!(regions().is_sorted_by(|a, b| a.code < b.code));
    }

    #[test]
    fn every_comune_has_its_province_and_region() {
        for comune in comuni() {
            let province = province(comune.province).unwrap();
            assert_eq!(province.region, comune.region, "{}", comune.name);
            assert!(region(comune.region).is_some(), "{}", comune.name);
        }
    }

    #[test]
    fn names_and_belfiore_codes_are_clean() {
        let mut codes: Vec<_> = comuni().iter().map(|comune| comune.belfiore).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), comuni().len());
        for comune in comuni() {
            for name in [Some(comune.name), comune.other_name].into_iter().flatten() {
                assert!(!name.is_empty() && name.trim() == name && !name.contains(char::is_control), "{name:?}");
            }
        }
        let [duino] = comuni().iter().filter(|c| c.name == "Duino Aurisina").collect::<Vec<_>>()[..] else { panic!() };
        assert_eq!(duino.other_name, Some("Devin Nabrežina"));
    }
}
