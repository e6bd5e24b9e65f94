//! The map: comuni on a plane, and values in classes.
//!
//! An equirectangular projection, narrowed by the cosine of the middle latitude, is right for a territory a province
//! wide. Coordinates are whole units of the drawing, so neighbours still share their line and the page stays small.

use serde::Serialize;
use territory::{ComuneCode, Ring};

/// Width of the drawing, in its own units.
pub(crate) const WIDTH: i32 = 1_000;

/// Room around the territory.
const MARGIN: i32 = 8;

/// At most so many classes: more cannot be told apart.
pub(crate) const CLASSES_MAX: usize = 5;

/// A comune drawn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Outline {
    /// The path, in SVG's words.
    pub(crate) path: String,
    /// Where its number stands.
    pub(crate) x: i32,
    pub(crate) y: i32,
}

/// From degrees to units of the drawing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Projection {
    west: f64,
    north: f64,
    narrowing: f64,
    scale: f64,
    pub(crate) height: i32,
}

impl Projection {
    /// A projection in which all these points fit; `None` without points.
    pub(crate) fn of(points: impl Iterator<Item = [f64; 2]>) -> Option<Self> {
        let bounds = points.fold(None, |bounds: Option<[f64; 4]>, [x, y]| {
            let [west, south, east, north] = bounds.unwrap_or([x, y, x, y]);
            Some([west.min(x), south.min(y), east.max(x), north.max(y)])
        });
        let [west, south, east, north] = bounds?;
        let narrowing = f64::midpoint(south, north).to_radians().cos();
        let (width, height) = ((east - west) * narrowing, north - south);
        let room = f64::from(WIDTH - 2 * MARGIN);
        // Tall territories are held to the width of the page as their height.
        let scale = room / width.max(height).max(f64::EPSILON);
        let height = if height * scale < room { whole(height * scale) + 2 * MARGIN } else { WIDTH };
        let west = west - (room / scale - width).max(0.0) / 2.0 / narrowing;
        Some(Self { west, north, narrowing, scale, height })
    }

    /// A point of the drawing.
    pub(crate) fn place(&self, [longitude, latitude]: [f64; 2]) -> (i32, i32) {
        let x = (longitude - self.west) * self.narrowing * self.scale;
        let y = (self.north - latitude) * self.scale;
        (whole(x) + MARGIN, whole(y) + MARGIN)
    }

    /// The path of some rings. Points that fall on the one before are left out, and rings that become a line.
    pub(crate) fn path(&self, rings: &[Ring]) -> String {
        let mut path = String::new();
        for ring in rings {
            let mut points: Vec<(i32, i32)> = ring.points.iter().map(|&point| self.place(point)).collect();
            points.dedup();
            if points.first() == points.last() {
                points.pop();
            }
            let Some((&(x, y), rest)) = points.split_first().filter(|(_, rest)| rest.len() >= 2) else { continue };
            path.push_str(&format!("M{x} {y}l"));
            let mut before = (x, y);
            for (place, &(x, y)) in rest.iter().enumerate() {
                let (dx, dy) = (x - before.0, y - before.1);
                // A minus sign parts two numbers as well as a blank does.
                let blank = |number: i32| if number < 0 { "" } else { " " };
                path.push_str(if place == 0 { "" } else { blank(dx) });
                path.push_str(&format!("{dx}{}{dy}", blank(dy)));
                before = (x, y);
            }
            path.push('z');
        }
        path
    }
}

/// Rounds to a whole unit of the drawing.
#[expect(clippy::cast_possible_truncation, reason = "a drawing is a thousand units wide")]
fn whole(value: f64) -> i32 {
    value.round() as i32
}

/// Draws comuni; those without a boundary are left out. Gives the height of the drawing too.
pub(crate) fn draw(codes: &[ComuneCode]) -> Option<(i32, Vec<(ComuneCode, Outline)>)> {
    let rings: Vec<(ComuneCode, Vec<Ring>)> =
        codes.iter().filter_map(|&code| Some((code, territory::boundary(code)?))).collect();
    let points = rings.iter().flat_map(|(_, rings)| rings).flat_map(|ring| ring.points.iter().copied());
    let projection = Projection::of(points)?;
    let outlines = rings.iter().map(|(code, rings)| {
        let (x, y) =
            territory::comune(*code).map_or((0, 0), |comune| projection.place([comune.longitude, comune.latitude]));
        (*code, Outline { path: projection.path(rings), x, y })
    });
    Some((projection.height, outlines.collect()))
}

/// How values are cut into classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// About as many values in each.
    Quantiles,
    /// Each as wide as the others.
    Equal,
}

impl Cut {
    pub(crate) const ALL: [Self; 2] = [Self::Quantiles, Self::Equal];

    /// In addresses.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Quantiles => "quantili",
            Self::Equal => "uguali",
        }
    }
}

/// Classes of values: each from its lowest to its highest value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Classes(pub(crate) Vec<(i64, i64)>);

impl Classes {
    /// Classes of these values; equal ones are never parted, and no class is empty.
    pub(crate) fn of(values: &[i64], cut: Cut) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_unstable();
        match cut {
            Cut::Quantiles => Self::quantiles(&sorted),
            Cut::Equal => Self::equal(&sorted),
        }
    }

    fn equal(sorted: &[i64]) -> Self {
        let (Some(&least), Some(&most)) = (sorted.first(), sorted.last()) else { return Self(Vec::new()) };
        let count = i64::try_from(CLASSES_MAX).unwrap_or(1);
        let class = |value: i64| ((value - least) * count / (most - least + 1)).min(count - 1);
        let mut classes: Vec<(i64, (i64, i64))> = Vec::new();
        for &value in sorted {
            match classes.last_mut() {
                Some((last, (_, high))) if *last == class(value) => *high = value,
                _ => classes.push((class(value), (value, value))),
            }
        }
        Self(classes.into_iter().map(|(_, bounds)| bounds).collect())
    }

    fn quantiles(sorted: &[i64]) -> Self {
        let mut classes: Vec<(i64, i64)> = Vec::new();
        let count = CLASSES_MAX.min(sorted.len());
        for class in 0..count {
            let (from, to) = (class * sorted.len() / count, (class + 1) * sorted.len() / count - 1);
            let (low, high) = (sorted[from], sorted[to]);
            match classes.last_mut() {
                Some((_, last)) if low <= *last => *last = (*last).max(high),
                _ => classes.push((low, high)),
            }
        }
        Self(classes)
    }

    /// The class of a value, counted from one; zero when it is in none.
    pub(crate) fn class(&self, value: i64) -> usize {
        self.0.iter().position(|&(low, high)| (low..=high).contains(&value)).map_or(0, |place| place + 1)
    }
}

#[cfg(test)]
mod tests {
    use territory::RingKind;

    use super::*;

    fn ring(points: &[[f64; 2]]) -> Ring {
        Ring { kind: RingKind::Outer, points: points.to_vec() }
    }

    #[test]
    fn a_square_on_the_ground_is_drawn_square() {
        // At 60 degrees a degree of longitude is half as long as one of latitude.
        let square = [[10.0, 59.5], [12.0, 59.5], [12.0, 60.5], [10.0, 60.5], [10.0, 59.5]];
        let projection = Projection::of(square.into_iter()).unwrap();
        assert_eq!(projection.height, WIDTH);
        assert_eq!(projection.place([10.0, 60.5]), (8, 8));
        let (x, y) = projection.place([12.0, 59.5]);
        assert!((x - 992).abs() <= 1 && (y - 992).abs() <= 1, "{x} {y}");
        assert_eq!(projection.path(&[ring(&square)]).matches('z').count(), 1);
    }

    #[test]
    fn a_tall_territory_stands_in_the_middle() {
        let tall = [[10.0, 45.0], [10.1, 45.0], [10.1, 46.0], [10.0, 46.0]];
        let projection = Projection::of(tall.into_iter()).unwrap();
        assert_eq!(projection.height, WIDTH);
        let (left, right) = (projection.place(tall[0]).0, projection.place(tall[1]).0);
        assert!((left + right - WIDTH).abs() <= 1, "{left} {right}");
    }

    #[test]
    fn neighbours_share_their_line_and_the_page_stays_small() {
        let codes: Vec<ComuneCode> =
            territory::comuni().iter().filter(|c| c.region.number() == 6).map(|c| c.code).collect();
        let (height, drawn) = draw(&codes).unwrap();
        assert_eq!(drawn.len(), codes.len());
        assert!(height <= WIDTH);
        let bytes: usize = drawn.iter().map(|(_, outline)| outline.path.len()).sum();
        assert!(bytes < 150_000, "{bytes} bytes");
        for (_, outline) in &drawn {
            assert!(outline.path.starts_with('M') && outline.path.ends_with('z'));
            assert!((0..=WIDTH).contains(&outline.x) && (0..=height).contains(&outline.y));
        }
    }

    #[test]
    fn classes_hold_every_value_once() {
        let quantiles = |values: &[i64]| Classes::of(values, Cut::Quantiles);
        assert_eq!(quantiles(&[]), Classes(vec![]));
        assert_eq!(quantiles(&[3]), Classes(vec![(3, 3)]));
        assert_eq!(quantiles(&[3, 3, 3, 3, 3, 3]), Classes(vec![(3, 3)]));
        let values: Vec<i64> = (1..=17).collect();
        let classes = quantiles(&values);
        assert_eq!(classes.0.len(), 5);
        for pair in classes.0.windows(2) {
            assert!(pair[0].1 < pair[1].0);
        }
        assert!(values.iter().all(|&value| (1..=5).contains(&classes.class(value))));
        assert_eq!(classes.class(99), 0);
        // Equal values stay together wherever the cut would fall.
        let classes = quantiles(&[1, 2, 2, 2, 2, 2, 2, 9]);
        assert!(classes.0.iter().filter(|(low, high)| (*low..=*high).contains(&2)).count() == 1, "{classes:?}");
    }

    #[test]
    fn equal_classes_are_as_wide_as_each_other_and_none_is_empty() {
        let equal = |values: &[i64]| Classes::of(values, Cut::Equal).0;
        assert_eq!(equal(&[]), vec![]);
        assert_eq!(equal(&[7, 7]), vec![(7, 7)]);
        assert_eq!(equal(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]), vec![(1, 2), (3, 4), (5, 6), (7, 8), (9, 10)]);
        // Where values are uneven most are in the first class: that is what these classes show.
        assert_eq!(equal(&[1, 2, 3, 4, 100]), vec![(1, 4), (100, 100)]);
    }
}
