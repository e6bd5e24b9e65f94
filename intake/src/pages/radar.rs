//! The indices of a strumento's scales as a radar, in units of its own drawing: 0 in the middle, 100 at the rim, the first
//! scale at the top and the others clockwise. The numbers at the rim are those of a list beside it.

use std::f64::consts::TAU;

use domain::instrument::Instrument;
use domain::scoring::Scoring;
use serde::Serialize;

/// Fewer scales make a shape that says no more than bars do.
const SCALES_MIN: usize = 4;

/// The middle of the drawing, which is 320 wide and 300 high.
const MIDDLE: (f64, f64) = (160.0, 150.0);
/// From the middle to the rim.
const RADIUS: f64 = 112.0;
/// From the middle to the numbers.
const NUMBERS: f64 = 132.0;
/// Indices at which a ring is drawn, in tenths.
const RINGS: [i32; 4] = [250, 500, 750, 1_000];

/// A radar.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Radar {
    highest: Extreme,
    lowest: Extreme,
    /// The corners of each ring.
    rings: Vec<String>,
    axes: Vec<Axis>,
    /// The corners of the shape.
    shape: String,
}

/// A scale with its index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Extreme {
    title: String,
    index_tenths: i32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Axis {
    title: String,
    index_tenths: i32,
    /// Where it ends, where its number stands, where its value is.
    end: Point,
    number: Point,
    value: Point,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Point {
    x: String,
    y: String,
}

impl Point {
    /// On the axis at a place of so many, at a distance from the middle.
    fn new(place: usize, count: usize, distance: f64) -> Self {
        let angle = TAU * place as f64 / count as f64;
        let (x, y) = (MIDDLE.0 + distance * angle.sin(), MIDDLE.1 - distance * angle.cos());
        Self { x: format!("{x:.1}"), y: format!("{y:.1}") }
    }
}

fn corners(distances: &[f64]) -> String {
    let points = distances.iter().enumerate().map(|(place, distance)| {
        let Point { x, y } = Point::new(place, distances.len(), *distance);
        format!("{x},{y}")
    });
    points.collect::<Vec<_>>().join(" ")
}

fn distance(tenths: i32) -> f64 {
    RADIUS * f64::from(tenths) / 1_000.0
}

impl Radar {
    /// The radar of a scored sheet; `None` where scales are few, or one of them has no result.
    pub(crate) fn new(instrument: &Instrument, scoring: &Scoring) -> Option<Self> {
        let count = instrument.scales.len();
        if count < SCALES_MIN {
            return None;
        }
        let indices: Vec<i32> = scoring.scales.iter().map(|score| score.index_tenths()).collect::<Option<_>>()?;
        let titles = || instrument.scales.iter().map(|scale| scale.title.to_string()).zip(indices.iter().copied());
        let extreme = |(title, index_tenths)| Extreme { title, index_tenths };
        // The first of those that are alike.
        let highest = titles().rev().max_by_key(|(_, index)| *index).map(extreme)?;
        let lowest = titles().min_by_key(|(_, index)| *index).map(extreme)?;
        let axes = titles().enumerate().map(|(place, (title, index_tenths))| Axis {
            title,
            index_tenths,
            end: Point::new(place, count, RADIUS),
            number: Point::new(place, count, NUMBERS),
            value: Point::new(place, count, distance(index_tenths)),
        });
        Some(Self {
            highest,
            lowest,
            rings: RINGS.map(|ring| corners(&vec![distance(ring); count])).into(),
            axes: axes.collect(),
            shape: corners(&indices.iter().map(|index| distance(*index)).collect::<Vec<_>>()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_scale_is_at_the_top_and_the_others_follow_clockwise() {
        let at = |place, distance| {
            let Point { x, y } = Point::new(place, 4, distance);
            (x, y)
        };
        assert_eq!(at(0, 100.0), ("160.0".to_owned(), "50.0".to_owned()));
        assert_eq!(at(1, 100.0), ("260.0".to_owned(), "150.0".to_owned()));
        assert_eq!(at(2, 50.0), ("160.0".to_owned(), "200.0".to_owned()));
        assert_eq!(corners(&[distance(1_000), 0.0, 0.0, 0.0]), "160.0,38.0 160.0,150.0 160.0,150.0 160.0,150.0");
    }

    #[test]
    fn it_is_drawn_when_every_scale_has_a_result() {
        let all = crate::instruments::shipped().unwrap();
        let of = |id: &str| all.iter().find(|one| one.id.as_str() == id).unwrap();
        let drawn = |instrument: &Instrument, sheet| Radar::new(instrument, &instrument.score(&sheet).unwrap());
        let isa = of("isa");
        let radar = drawn(isa, crate::example::sheet(isa, 1)).unwrap();
        assert_eq!(radar.axes.len(), isa.scales.len());
        assert!(radar.highest.index_tenths >= radar.lowest.index_tenths);
        for axis in &radar.axes {
            assert!((radar.lowest.index_tenths..=radar.highest.index_tenths).contains(&axis.index_tenths));
        }
        assert_eq!(drawn(isa, Default::default()), None, "nothing was answered");
        let asso = of("asso");
        assert_eq!(drawn(asso, crate::example::sheet(asso, 1)), None, "three scales are few");
    }
}
