//! The reader's own arithmetic: what can be computed of a hidden variable from what is shown.
//!
//! Another code path than the engine's: no witnesses, no surroundings, no prices; two linear programs over everything
//! that hangs together with the variable. Slow and meant for tests and for a gate before a page is published. Linear
//! programming lets fractions of people through, so an interval may be a little wider than what whole numbers allow: the
//! engine's witnesses are whole, so this can only ever find *its* mistakes, and too narrow an interval is always one.

use std::collections::BTreeMap;

use microlp::{ComparisonOp, OptimizationDirection, Problem};

use crate::model::{Comparison, Model, Protection, Standing, Var};
use crate::{Decision, Error};

/// What a reader can say of a variable: it is between these, both possible.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The least it can be.
    pub low: f64,
    /// The most it can be; infinite when nothing shown bounds it.
    pub high: f64,
}

impl Model {
    /// The interval of a variable, for a reader who sees what `protection` shows and knows the relations.
    ///
    /// # Errors
    ///
    /// [`Error::Unanswered`] when the solver gives up.
    pub fn interval(&self, protection: &Protection, of: Var) -> Result<Interval, Error> {
        if let Some(value) = self.seen(protection, of) {
            return Ok(Interval { low: value, high: value });
        }
        let together = self.hanging_together(protection, of);
        let bound = |direction| {
            let mut problem = Problem::new(direction);
            let variables: BTreeMap<Var, _> = together
                .iter()
                .map(|&var| (var, problem.add_var(if var == of { 1.0 } else { 0.0 }, (0.0, f64::INFINITY))))
                .collect();
            for relation in self.relations() {
                let (mut left, mut right) = (Vec::new(), 0.0);
                for &(var, coefficient) in &relation.terms {
                    match (variables.get(&var), self.seen(protection, var)) {
                        (Some(&variable), _) => left.push((variable, f64::from(coefficient))),
                        (None, Some(value)) => right -= f64::from(coefficient) * value,
                        // Unseen and not tied to `of`: then nothing of the relation is.
                        (None, None) => {}
                    }
                }
                if !left.is_empty() {
                    let comparison = match relation.comparison {
                        Comparison::Equal => ComparisonOp::Eq,
                        Comparison::AtMost => ComparisonOp::Le,
                    };
                    problem.add_constraint(left, comparison, right);
                }
            }
            match problem.solve().map(microlp::SolveOutcome::into_solution) {
                Ok(Ok(solution)) => Ok(solution.objective()),
                Err(microlp::Error::Unbounded) => Ok(f64::INFINITY),
                Ok(Err(_)) | Err(_) => Err(Error::Unanswered { label: self.variables[of.0].label.clone() }),
            }
        };
        Ok(Interval { low: bound(OptimizationDirection::Minimize)?, high: bound(OptimizationDirection::Maximize)? })
    }

    /// The small counts whose interval leaves out nobody, or enough people to be shown: none, if the engine is right.
    ///
    /// # Errors
    ///
    /// [`Error::Unanswered`] when the solver gives up.
    pub fn exposed(&self, protection: &Protection) -> Result<Vec<String>, Error> {
        /// What the solver is asked to be exact to.
        const HAIR: f64 = 1e-6;
        let enough = protection.threshold().people();
        let mut exposed = Vec::new();
        for (index, variable) in self.variables.iter().enumerate() {
            if matches!(variable.standing, Standing::Offered | Standing::Implied) && variable.value < enough {
                let Interval { low, high } = self.interval(protection, Var(index))?;
                if low > HAIR || high < f64::from(enough) - HAIR {
                    exposed.push(variable.label.clone());
                }
            }
        }
        Ok(exposed)
    }

    /// What the reader has of a variable.
    fn seen(&self, protection: &Protection, var: Var) -> Option<f64> {
        let variable = &self.variables[var.0];
        match (variable.standing, protection.decision(var)) {
            (Standing::Offered | Standing::Known, Decision::Shown(value)) => Some(f64::from(value)),
            (Standing::Implied | Standing::Unlisted, _) | (_, Decision::Hidden(_)) => None,
        }
    }

    /// The unseen variables that relations tie to `of`.
    fn hanging_together(&self, protection: &Protection, of: Var) -> Vec<Var> {
        let unseen: Vec<Vec<Var>> = self
            .relations()
            .map(|relation| {
                let vars = relation.terms.iter().map(|&(var, _)| var);
                vars.filter(|&var| self.seen(protection, var).is_none()).collect()
            })
            .collect();
        let mut found = vec![false; self.variables.len()];
        found[of.0] = true;
        loop {
            let mut grew = false;
            for vars in &unseen {
                if vars.iter().any(|var| found[var.0]) {
                    for var in vars {
                        grew |= !std::mem::replace(&mut found[var.0], true);
                    }
                }
            }
            if !grew {
                return (0..found.len()).filter(|&index| found[index]).map(Var).collect();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Interval, Model, Standing, Threshold};

    #[test]
    fn the_audit_objects_to_a_protection_with_a_hole() {
        let mut model = Model::new();
        let mut variable = |label: &str, value| model.variable(label, value, Standing::Offered).unwrap();
        let (all, small) = (variable("all", 40), variable("small", 3));
        let (other, large) = (variable("other", 12), variable("large", 25));
        model.sum(all, &[small, other, large]);
        let mut protection = model.protect(Threshold::default()).unwrap();
        assert_eq!(model.interval(&protection, small), Ok(Interval { low: 0.0, high: 15.0 }));
        assert_eq!(model.exposed(&protection), Ok(vec![]));
        protection.betray(other);
        assert_eq!(model.interval(&protection, small), Ok(Interval { low: 3.0, high: 3.0 }));
        assert_eq!(model.exposed(&protection), Ok(vec!["small".to_owned()]));
    }
}
