//! Some rows of a problem under numbers of their own, so that the search can work on a copy that fits the cache.

use crate::engine::Problem;
use crate::engine::conditions::Scratch;
use crate::engine::space::{Extent, Point, Space};

/// Points numbered from 0, and which rows of the problem they are.
#[derive(Clone, Copy)]
pub(crate) struct View<'a, const N: usize> {
    problem: &'a Problem<N>,
    points: &'a [Point<N>],
    /// `None` if the numbers are those of the problem.
    rows: Option<&'a [u32]>,
}

impl<'a, const N: usize> View<'a, N> {
    pub(crate) fn whole(problem: &'a Problem<N>) -> Self {
        Self { problem, points: &problem.points, rows: None }
    }

    pub(crate) fn part(problem: &'a Problem<N>, points: &'a [Point<N>], rows: &'a [u32]) -> Self {
        Self { problem, points, rows: Some(rows) }
    }

    /// The same problem over a copy of some of its points.
    pub(crate) fn copied<'b>(&self, points: &'b [Point<N>], rows: &'b [u32]) -> View<'b, N>
    where
        'a: 'b,
    {
        View { problem: self.problem, points, rows: Some(rows) }
    }

    pub(crate) fn problem_row(&self, member: u32) -> u32 {
        self.rows.map_or(member, |rows| rows[member as usize])
    }

    pub(crate) fn space(&self) -> &'a Space {
        &self.problem.space
    }

    pub(crate) fn k(&self) -> usize {
        self.problem.conditions.k
    }

    pub(crate) fn size_only(&self) -> bool {
        self.problem.size_only
    }

    #[inline]
    pub(crate) fn point(&self, member: u32) -> &'a Point<N> {
        &self.points[member as usize]
    }

    pub(crate) fn extent(&self, members: &[u32]) -> Extent<N> {
        Extent::around(members.iter().map(|&member| self.point(member)))
    }

    /// What so many rows in this box cost.
    #[inline]
    pub(crate) fn price(&self, rows: usize, extent: &Extent<N>) -> u64 {
        rows as u64 * u64::from(self.problem.space.cost(&extent.low, &extent.high))
    }

    pub(crate) fn hold(&self, members: &[u32], scratch: &mut Scratch) -> bool {
        match self.rows {
            None => self.problem.conditions.hold(members, scratch),
            Some(rows) => {
                let mut chosen = scratch.take_rows();
                chosen.extend(members.iter().map(|&member| rows[member as usize]));
                let holds = self.problem.conditions.hold(&chosen, scratch);
                scratch.give_back_rows(chosen);
                holds
            }
        }
    }

    /// The same for a caller that has no list of members where only their number matters.
    #[inline]
    pub(crate) fn may_hold(&self, count: usize, members: &[u32], scratch: &mut Scratch) -> bool {
        count >= self.k() && (self.size_only() || self.hold(members, scratch))
    }
}
