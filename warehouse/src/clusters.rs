//! Groups of people who are alike: k-means over places from 0 to 1, as many groups as tell people apart best, and letters that stay.
//!
//! Of two groups and more as many as have the highest mean silhouette (Rousseeuw 1987). Where groups are known from before, the
//! same number is started from their centres and kept, unless another number is better by more than chance would make it: so that
//! a week's few people do not turn the picture over.

use linfa::DatasetBase;
use linfa::prelude::{Fit, Predict, SilhouetteScore};
use linfa_clustering::{KMeans, KMeansInit};
use ndarray::{Array1, Array2, Axis};

/// Fewer are no groups.
const FEWEST: usize = 2;
/// Rows that the silhouette is asked about: it grows with their square.
const SILHOUETTE_ROWS: usize = 1_500;
/// Starts of k-means, of which the best is kept.
const STARTS: usize = 10;
/// By how much another number of groups must be better than the one known from before.
const BETTER_BY: f64 = 0.05;

/// People in groups.
#[derive(Clone, Debug, PartialEq)]
pub struct Clusters {
    /// The group of each row, by its number.
    pub assigned: Vec<usize>,
    /// The centre of each group.
    pub centres: Vec<Vec<f64>>,
    /// The mean silhouette of each number of groups that was tried, from −1 to 1.
    pub silhouettes: Vec<(usize, f64)>,
}

impl Clusters {
    /// At most so many groups, each of `least` rows at least, of rows of places from 0 to 1; `None` where there are none. `earlier` are
    /// the centres known from before, in the same columns, if there are any. The same rows and centres give the same groups.
    #[must_use]
    pub fn of(rows: &[Vec<f64>], least: usize, most: usize, earlier: &[Vec<f64>]) -> Option<Self> {
        let columns = rows.first()?.len();
        if columns == 0 || rows.len() < 2 * least || rows.iter().any(|row| row.len() != columns) {
            return None;
        }
        let points = Array2::from_shape_fn((rows.len(), columns), |(row, column)| rows[row][column]);
        let mut silhouettes = Vec::new();
        let mut best: Option<(f64, Fitted)> = None;
        for groups in FEWEST..=most {
            let fitted = fit(&points, groups, STARTS, KMeansInit::KMeansPlusPlus, least);
            let Some((fitted, silhouette)) =
                fitted.and_then(|fitted| silhouette(&points, &fitted).map(|mean| (fitted, mean)))
            else {
                continue;
            };
            silhouettes.push((groups, silhouette));
            if best.as_ref().is_none_or(|(known, _)| silhouette > *known) {
                best = Some((silhouette, fitted));
            }
        }
        let earlier = if (FEWEST..=most).contains(&earlier.len()) { earlier } else { &[] };
        let kept = known(&points, earlier, least)
            .filter(|(silhouette, _)| best.as_ref().is_none_or(|(other, _)| *other <= silhouette + BETTER_BY));
        let (_, Fitted { assigned, centres }) = kept.or(best)?;
        Some(Self {
            assigned: assigned.to_vec(),
            centres: centres.rows().into_iter().map(|centre| centre.to_vec()).collect(),
            silhouettes,
        })
    }
}

struct Fitted {
    assigned: Array1<usize>,
    centres: Array2<f64>,
}

/// The library draws from a seed of its own, always the same.
fn fit(points: &Array2<f64>, groups: usize, starts: usize, init: KMeansInit<f64>, least: usize) -> Option<Fitted> {
    let observed = DatasetBase::from(points.view());
    let model = KMeans::params(groups).n_runs(starts).init_method(init).tolerance(1e-6).fit(&observed).ok()?;
    let assigned: Array1<usize> = model.predict(points);
    let mut sizes = vec![0; groups];
    assigned.iter().for_each(|group| sizes[*group] += 1);
    let is_enough = sizes.iter().all(|people| *people >= least);
    is_enough.then(|| Fitted { assigned, centres: model.centroids().clone() })
}

fn silhouette(points: &Array2<f64>, fitted: &Fitted) -> Option<f64> {
    let rows = points.nrows();
    let some: Vec<usize> = (0..rows).step_by(rows.div_ceil(SILHOUETTE_ROWS)).collect();
    let sample = DatasetBase::new(points.select(Axis(0), &some), fitted.assigned.select(Axis(0), &some));
    sample.silhouette_score().ok()
}

/// The groups that grow from centres known before.
fn known(points: &Array2<f64>, earlier: &[Vec<f64>], least: usize) -> Option<(f64, Fitted)> {
    let columns = points.ncols();
    if earlier.is_empty() || earlier.iter().any(|centre| centre.len() != columns) {
        return None;
    }
    let centres = Array2::from_shape_fn((earlier.len(), columns), |(group, column)| earlier[group][column]);
    let fitted = fit(points, earlier.len(), 1, KMeansInit::Precomputed(centres), least)?;
    Some((silhouette(points, &fitted)?, fitted))
}

/// The letters of groups by their centres. A group has the letter of the nearest group known from before, unless another is nearer to
/// that one; else a new letter, never that of a known group that is gone, nor one of `given`. After Z comes A1.
#[must_use]
pub fn letters(centres: &[Vec<f64>], known: &[(String, Vec<f64>)], given: &[String]) -> Vec<String> {
    let apart = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>();
    let nearest_of = |centre: &Vec<f64>| {
        let known = known.iter().map(|(name, other)| (apart(centre, other), name));
        known.min_by(|(a, _), (b, _)| a.total_cmp(b))
    };
    let nearest: Vec<Option<(f64, &String)>> = centres.iter().map(nearest_of).collect();
    let is_nearer = |(other, name): (f64, &String), apart: f64, of: &String| name == of && other < apart;
    let mut letters: Vec<Option<String>> = Vec::new();
    for found in &nearest {
        let kept = found.filter(|&(apart, name)| {
            !nearest.iter().flatten().any(|&other| is_nearer(other, apart, name))
                && !letters.iter().flatten().any(|taken| taken == name)
        });
        letters.push(kept.map(|(_, name)| name.clone()));
    }
    let taken = |letter: &str, letters: &[Option<String>]| {
        letters.iter().flatten().any(|other| other == letter)
            || known.iter().any(|(other, _)| other == letter)
            || given.iter().any(|other| other == letter)
    };
    for number in 0..letters.len() {
        if letters[number].is_none() {
            let rounds = std::iter::once(String::new()).chain((1..).map(|round: u32| round.to_string()));
            let mut free = rounds.flat_map(|round| (b'A'..=b'Z').map(move |one| format!("{}{round}", char::from(one))));
            letters[number] = free.find(|letter| !taken(letter, &letters));
        }
    }
    letters.into_iter().map(Option::unwrap_or_default).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many people around each centre.
    fn around(centres: &[(f64, f64, usize)]) -> Vec<Vec<f64>> {
        let about = |number: usize| [0.0, 0.03, -0.03, 0.06, -0.06][number % 5];
        let of = |&(x, y, people): &(f64, f64, usize)| {
            (0..people).map(move |number| vec![x + about(number), y + about(number / 5)])
        };
        centres.iter().flat_map(of).collect()
    }

    #[test]
    fn as_many_groups_as_there_are() {
        let rows = around(&[(0.1, 0.1, 60), (0.9, 0.1, 50), (0.5, 0.9, 40)]);
        let found = Clusters::of(&rows, 10, 8, &[]).unwrap();
        assert_eq!(found.centres.len(), 3, "{:?}", found.silhouettes);
        let mut sizes = [0; 3];
        found.assigned.iter().for_each(|&group| sizes[group] += 1);
        sizes.sort_unstable();
        assert_eq!(sizes, [40, 50, 60]);
        assert_eq!(Clusters::of(&rows, 10, 8, &[]), Some(found));
        assert_eq!(Clusters::of(&rows, 10, 2, &[]).unwrap().centres.len(), 2);
        assert_eq!(Clusters::of(&rows[..19], 10, 8, &[]), None);
        assert_eq!(Clusters::of(&[], 0, 8, &[]), None);
    }

    #[test]
    fn groups_known_before_stay_unless_others_are_clearly_better() {
        // Four groups, two and two so near that two groups are hardly better or worse than four.
        let rows = around(&[(0.0, 0.2, 60), (0.0, 0.5, 60), (1.0, 0.2, 60), (1.0, 0.5, 60)]);
        let fresh = Clusters::of(&rows, 10, 8, &[]).unwrap();
        let of = |groups: usize| fresh.silhouettes.iter().find(|(tried, _)| *tried == groups).unwrap().1;
        let known = [vec![0.0, 0.2], vec![0.0, 0.5], vec![1.0, 0.2], vec![1.0, 0.5]];
        let two = [vec![0.0, 0.35], vec![1.0, 0.35]];
        let (better, worse) =
            if of(2) > of(4) { (two.as_slice(), known.as_slice()) } else { (known.as_slice(), two.as_slice()) };
        assert_eq!(fresh.centres.len(), better.len());
        let kept = Clusters::of(&rows, 10, 8, worse).unwrap();
        let is_near = (of(2) - of(4)).abs() <= BETTER_BY;
        assert_eq!(kept.centres.len(), if is_near { worse.len() } else { better.len() });
        // Centres of other columns are of no use.
        assert_eq!(Clusters::of(&rows, 10, 8, &[vec![0.0], vec![1.0]]), Some(fresh));
    }

    #[test]
    fn letters_stay_with_the_nearest() {
        let known = [("A".to_owned(), vec![0.0]), ("B".to_owned(), vec![1.0])];
        assert_eq!(letters(&[vec![0.9], vec![0.1]], &known, &[]), ["B", "A"]);
        assert_eq!(letters(&[vec![0.9], vec![0.5], vec![0.1]], &known, &[]), ["B", "C", "A"]);
        // A is gone, and its letter with it.
        assert_eq!(letters(&[vec![0.9], vec![0.8]], &known, &[]), ["B", "C"]);
        assert_eq!(letters(&[vec![0.8], vec![0.9]], &known, &[]), ["C", "B"]);
        assert_eq!(letters(&[vec![0.4]], &[], &[]), ["A"]);
        // A was another group's once.
        assert_eq!(letters(&[vec![0.4], vec![0.9]], &known[1..], &["A".to_owned()]), ["C", "B"]);
        let all: Vec<String> = (b'A'..=b'Z').map(|one| char::from(one).to_string()).collect();
        assert_eq!(letters(&[vec![0.4], vec![0.9]], &[], &all), ["A1", "B1"]);
    }
}
