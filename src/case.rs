//! `Case<S>`: one request on its way; `S` is the proof of the last step it passed.
//!
//! A step takes a case by value and gives the next one. Only the module that owns `S` can make an `S`,
//! and `After` says which step may come before, so a case can neither skip a step nor borrow another's proof.
use crate::{
    facts::Facts,
    refusal::{Code, Refusal},
};

/// A request, and the proof of how far it has come.
pub struct Case<S> {
    facts: Box<Facts>,
    proof: S,
}

/// `impl After<P> for S`: the step that makes `S` comes directly after `P`. Written once, beside `S`.
pub trait After<P> {}

/// The proof that opens a case.
pub trait First {}

impl<S: First> Case<S> {
    pub(crate) fn open(facts: Facts, proof: S) -> Self {
        Self {
            facts: Box::new(facts),
            proof,
        }
    }
}

impl<S> Case<S> {
    /// What is known so far.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }
    pub(crate) fn note(&mut self) -> &mut Facts {
        &mut self.facts
    }
    /// The proof.
    pub fn proof(&self) -> &S {
        &self.proof
    }
    /// Go on: the old proof is consumed to make the new one.
    pub(crate) fn then<N: After<S>>(self, f: impl FnOnce(S) -> N) -> Case<N> {
        Case {
            facts: self.facts,
            proof: f(self.proof),
        }
    }
    /// Stop: what was known goes with the refusal into the log.
    pub(crate) fn refuse(self, code: Code) -> Refusal {
        Refusal::new(self.facts, code)
    }
    pub(crate) fn close(self) -> (Box<Facts>, S) {
        (self.facts, self.proof)
    }
    /// For tests of single steps.
    #[cfg(test)]
    pub(crate) fn for_tests(facts: Facts, proof: S) -> Self {
        Self {
            facts: Box::new(facts),
            proof,
        }
    }
}
