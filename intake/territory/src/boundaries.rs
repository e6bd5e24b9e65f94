//! Boundaries of the comuni, simplified to about a hundred metres, and which comuni touch.
//!
//! Lines are stored once for the two comuni they part, so neighbours meet without gaps. Good for a map of a province; not
//! for saying on which side of a street a house stands.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use crate::codes::ComuneCode;
use crate::comuni::{comuni, index_of};
use crate::decode::{Reader, unpack};

/// What a ring surrounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RingKind {
    /// Territory of the comune.
    Outer,
    /// Territory of others within the outer ring before it.
    Hole,
}

/// A closed line: the last point is the first again. Its direction means nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Ring {
    /// What it surrounds.
    pub kind: RingKind,
    /// Longitude and latitude in degrees (WGS84).
    pub points: Vec<[f64; 2]>,
}

/// Where a stored ring takes its points from.
struct StoredRing {
    kind: RingKind,
    walk: Vec<ArcReference>,
}

#[derive(Clone, Copy)]
struct ArcReference {
    arc: usize,
    backwards: bool,
}

struct Boundaries {
    arcs: Vec<Vec<[f64; 2]>>,
    /// In the order of `comuni()`.
    rings: Vec<Vec<StoredRing>>,
    /// In the order of `comuni()`, each in the order of codes.
    neighbours: Vec<Vec<ComuneCode>>,
}

static BOUNDARIES: LazyLock<Boundaries> = LazyLock::new(|| {
    let unpacked = unpack(include_bytes!("../data/boundaries.bin"));
    read(Reader::new(&unpacked))
});

/// The rings of a comune, each outer ring followed by its holes; `None` when there is no such comune.
pub fn boundary(code: ComuneCode) -> Option<Vec<Ring>> {
    let stored = &BOUNDARIES.rings[index_of(code)?];
    Some(stored.iter().map(|ring| Ring { kind: ring.kind, points: assemble(&ring.walk) }).collect())
}

/// The comuni that share a line with this one, in the order of their codes; `None` when there is no such comune.
///
/// Meeting in a point or across water is not touching.
pub fn neighbours(code: ComuneCode) -> Option<&'static [ComuneCode]> {
    Some(&BOUNDARIES.neighbours[index_of(code)?])
}

fn assemble(walk: &[ArcReference]) -> Vec<[f64; 2]> {
    let mut points: Vec<[f64; 2]> = Vec::new();
    for reference in walk {
        // Each arc begins where the one before ended.
        points.pop();
        let arc = BOUNDARIES.arcs[reference.arc].iter().copied();
        if reference.backwards { points.extend(arc.rev()) } else { points.extend(arc) }
    }
    points
}

fn read(mut data: Reader<'_>) -> Boundaries {
    let [east, north] = [data.count(), data.count()].map(f64::from);
    let (mut x, mut y) = (0, 0);
    let arcs: Vec<Vec<[f64; 2]>> = (0..data.length())
        .map(|_| {
            (0..data.length())
                .map(|_| {
                    x += data.signed();
                    y += data.signed();
                    // A step is so many tenths of a millionth of a degree.
                    [f64::from(x) * east / 1e7, f64::from(y) * north / 1e7]
                })
                .collect()
        })
        .collect();
    assert_eq!(data.length(), comuni().len(), "boundaries and comuni are written together");
    let rings: Vec<Vec<StoredRing>> = comuni()
        .iter()
        .map(|comune| {
            assert_eq!(data.count(), comune.code.number(), "boundaries follow the order of the comuni");
            (0..data.length()).map(|_| read_ring(&mut data)).collect()
        })
        .collect();
    data.finish();
    let neighbours = find_neighbours(&rings, arcs.len());
    Boundaries { arcs, rings, neighbours }
}

fn read_ring(data: &mut Reader<'_>) -> StoredRing {
    let kind = if data.count() == 1 { RingKind::Hole } else { RingKind::Outer };
    let walk = (0..data.length())
        .map(|_| {
            let reference = data.length();
            ArcReference { arc: reference / 2, backwards: reference % 2 == 1 }
        })
        .collect();
    StoredRing { kind, walk }
}

fn find_neighbours(rings: &[Vec<StoredRing>], arcs: usize) -> Vec<Vec<ComuneCode>> {
    let mut users: Vec<Vec<usize>> = vec![Vec::new(); arcs];
    for (comune, own) in rings.iter().enumerate() {
        for reference in own.iter().flat_map(|ring| &ring.walk) {
            users[reference.arc].push(comune);
        }
    }
    let mut found = vec![BTreeSet::new(); rings.len()];
    for comune_users in &users {
        for one in comune_users {
            found[*one].extend(comune_users.iter().filter(|other| *other != one).map(|other| comuni()[*other].code));
        }
    }
    found.into_iter().map(|codes| codes.into_iter().collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(code: &str) -> Vec<&'static str> {
        let codes = neighbours(code.parse().unwrap()).unwrap();
        codes.iter().map(|code| crate::comune(*code).unwrap().name).collect()
    }

    /// Twice the area inside a ring, in square degrees.
    fn double_area(points: &[[f64; 2]]) -> f64 {
        points.windows(2).map(|pair| pair[0][0] * pair[1][1] - pair[1][0] * pair[0][1]).sum::<f64>().abs()
    }

    #[test]
    fn every_ring_is_closed_and_surrounds_something() {
        for comune in comuni() {
            let rings = boundary(comune.code).unwrap();
            assert_eq!(rings[0].kind, RingKind::Outer, "{}", comune.name);
            for ring in rings {
                assert!(ring.points.len() >= 4, "{}", comune.name);
                assert_eq!(ring.points.first(), ring.points.last(), "{}", comune.name);
                assert!(ring.points.windows(2).all(|pair| pair[0] != pair[1]), "{}", comune.name);
                assert!(double_area(&ring.points) > 1e-8, "{}", comune.name);
            }
        }
    }

    #[test]
    fn every_point_is_in_italy() {
        for comune in comuni() {
            for [longitude, latitude] in boundary(comune.code).unwrap().into_iter().flat_map(|ring| ring.points) {
                assert!((6.6..18.6).contains(&longitude) && (35.4..47.1).contains(&latitude), "{}", comune.name);
            }
        }
    }

    #[test]
    fn neighbours_are_neighbours_of_each_other() {
        for comune in comuni() {
            for other in neighbours(comune.code).unwrap() {
                assert_ne!(*other, comune.code);
                assert!(neighbours(*other).unwrap().contains(&comune.code), "{} and {other}", comune.name);
            }
        }
    }

    #[test]
    fn italy_has_about_its_area() {
        // ISTAT gives 302,068 km²; a degree is 111.2 km, less from east to west.
        let total: f64 = comuni()
            .iter()
            .map(|comune| {
                let km2_in_square_degree = 111.2 * 111.2 * comune.latitude.to_radians().cos();
                let signed = |ring: Ring| match ring.kind {
                    RingKind::Outer => double_area(&ring.points),
                    RingKind::Hole => -double_area(&ring.points),
                };
                boundary(comune.code).unwrap().into_iter().map(signed).sum::<f64>() / 2.0 * km2_in_square_degree
            })
            .sum();
        assert!((300_500.0..303_500.0).contains(&total), "{total}");
    }

    #[test]
    fn known_neighbours() {
        let around = ["Cordenons", "Fiume Veneto", "Porcia", "Roveredo in Piano", "San Quirino", "Zoppola"];
        let found = names("093033");
        for name in around {
            assert!(found.contains(&name), "{name} not in {found:?}");
        }
        // An island, and an enclave (Campione d'Italia lies in Switzerland).
        assert_eq!(names("013040"), Vec::<&str>::new());
    }

    #[test]
    fn unknown_comuni_have_no_boundary() {
        assert_eq!(boundary("999999".parse().unwrap()), None);
        assert_eq!(neighbours("999999".parse().unwrap()), None);
    }
}
