//! The search for the first number that is not finite, in values and then in cotangents.

use std::fmt;

use super::birth::{Birth, NonFinite};
use super::path::{Marks, Place, Reach, reach};
use crate::backward::Watch;
use crate::error::{Error, OrPanic};
use crate::kernel::Elem;
use crate::tape::{Entry, Kind, NOBODY, Tape};
use crate::tensor::Tensor;
use crate::var::Var;

/// Where values and cotangents first became NaN or infinite.
///
/// An infinity is often intended: the logits that a mask sets to -inf, the loss at a probability of 0.
/// A NaN hardly ever is. So the first of each kind is reported separately. Look at the NaN first, and at
/// infinities as what it may have come from.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
#[must_use]
pub struct Diagnosis {
    /// The first value that is NaN, in the order of recording.
    pub nan: Option<Birth>,
    /// The first value that is infinite, in the order of recording.
    pub infinity: Option<Birth>,
    /// The first cotangent that became NaN, in the order of the reverse walk.
    pub nan_cotangent: Option<Birth>,
    /// The first cotangent that became infinite, in the order of the reverse walk.
    pub infinite_cotangent: Option<Birth>,
}

impl Diagnosis {
    /// Whether everything is finite.
    pub fn is_finite(&self) -> bool {
        self.births().next().is_none()
    }

    /// Everything that was found: values before cotangents, and within each, NaN before infinities.
    pub fn births(&self) -> impl Iterator<Item = &Birth> {
        let values = [&self.nan, &self.infinity];
        let cotangents = [&self.nan_cotangent, &self.infinite_cotangent];
        values.into_iter().chain(cotangents).flatten()
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = [
            ("first NaN", &self.nan),
            ("first infinity", &self.infinity),
            ("first NaN cotangent", &self.nan_cotangent),
            ("first infinite cotangent", &self.infinite_cotangent),
        ];
        let lines: Vec<String> = found
            .iter()
            .filter_map(|(name, birth)| Some(format!("{name}: {}", birth.as_ref()?)))
            .collect();
        match lines.is_empty() {
            true => f.write_str("all values and cotangents are finite"),
            false => f.write_str(&lines.join("\n")),
        }
    }
}

impl<T: Elem> Tape<T> {
    /// The birth certificate of a NaN: the first node whose value is not finite, be it NaN or
    /// infinite, with its op, the operands around the element, and the user's line.
    ///
    /// A leaf that was entered with such a number is named as such. Scalar nodes keep no values unless the
    /// tape is [`with_lines`](Self::with_lines); on other tapes only scalar leaves are seen, and what tensor
    /// nodes make of scalars. Costs one pass over all values. To tell a NaN from intended infinities, and
    /// for cotangents, see [`diagnose`](Var::diagnose).
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let x = tape.var(Tensor::from([1.0, 0.0]));
    /// let y = x.ln() * 0.0;
    /// let birth = tape.first_non_finite().unwrap();
    /// assert_eq!((birth.op, birth.place.as_str(), birth.number.as_str()), ("ln", "y[1]", "-inf"));
    /// assert_eq!(birth.from, [("x[1]".to_string(), "0".to_string())]);
    /// # let _ = y;
    /// ```
    pub fn first_non_finite(&self) -> Option<Birth> {
        let kinds = [NonFinite::Nan, NonFinite::Infinite];
        let found = kinds.map(|kind| self.first(kind, None));
        let earliest = found.into_iter().flatten().min_by_key(|(at, _)| *at);
        earliest.map(|(_, birth)| birth)
    }

    /// The first value of a kind among all nodes, or among those that an output depends on, and its place
    /// in the order of recording: how many scalar nodes come before it, then, among the tensor nodes of which
    /// that is true, how many of those. The next scalar node comes after all of them.
    fn first(&self, kind: NonFinite, of: Option<&Marks<Reach>>) -> Option<((u32, usize), Birth)> {
        let nodes = self.nodes();
        let read = |k: usize| of.is_none_or(|marks| marks.tensors[k].any);
        let tensor = nodes
            .iter()
            .filter(|node| read(node.index()))
            .find_map(|node| {
                let at = kind.find(node.value())?;
                let order = (node.node().mark, node.index());
                let mut birth = Birth::value(node, kind, at);
                if let Kind::Pack(pack) = node.node().kind {
                    let members = self.members.borrow();
                    let member = members.of(pack, node.shape().elements()).at(at);
                    birth.note = self.folded(member.index, node.value().data()[at]);
                }
                Some((order, birth))
            });
        let end = tensor
            .as_ref()
            .map_or(self.scalars.len(), |(order, _)| order.0);
        let read = |k: &u32| of.is_none_or(|marks| marks.scalars[*k as usize].any);
        let scalar = (1..end)
            .filter(read)
            .find_map(|k| Some(((k, usize::MAX), self.scalar_birth(kind, k)?)));
        scalar.or(tensor)
    }

    /// The birth of a scalar node's value, if it is of this kind.
    fn scalar_birth(&self, kind: NonFinite, k: u32) -> Option<Birth> {
        // An element of a tensor node is reported with that node.
        let entry = self.scalars.entry(k)?;
        let origin = self.scalars.origin(k);
        let value = match (&origin, entry.is_source()) {
            // The entry of a source holds its value, after a replay too.
            (_, true) => entry.partial[1],
            (Some(origin), false) => origin.value,
            (None, false) => return None,
        };
        if NonFinite::of(value) != Some(kind) {
            return None;
        }
        let Some(origin) = origin else {
            return Some(Birth::scalar(
                ("leaf", None),
                kind,
                "y",
                value,
                &[],
                "entered so",
            ));
        };
        let mut from = Vec::new();
        // The operand of a node where walks end comes second.
        let names = [["a", "b"], ["", "a"]][usize::from(entry.is_end())];
        let operands = entry.operand.iter().zip(origin.operands);
        for (name, (&operand, x)) in names.into_iter().zip(operands) {
            if operand != NOBODY {
                let note = self.folded(operand, x);
                let comma = if note.is_empty() { "" } else { ", " };
                from.push((name, format!("{x}{comma}{note}")));
            }
        }
        let note = if entry.is_source() { "entered so" } else { "" };
        let op = (origin.op, Some(origin.line));
        Some(Birth::scalar(op, kind, "y", value, &from, note))
    }

    /// What is known of a scalar handle besides its value: the node that it was folded from.
    fn folded(&self, index: u32, value: T) -> String {
        let origin = self.scalars.origin(index);
        let node = match (&origin, self.scalars.is_source(index)) {
            (_, true) => self.value_of_source(index),
            (Some(origin), false) => origin.value,
            (None, false) => {
                return "made by scalar nodes, which keep no values; record on a tape with_lines()"
                    .into();
            }
        };
        let place = origin.map_or("a scalar node".to_string(), |origin| {
            let line = origin.line;
            format!("{} at {}:{}", origin.op, line.file(), line.line())
        });
        match node.to_string() == value.to_string() {
            true => String::new(),
            false => format!("folded from {place} = {node}"),
        }
    }
}

impl<T: Elem> Var<'_, T> {
    /// Where the values that this scalar depends on, and then the cotangents of a reverse walk
    /// from it, first became NaN or infinite.
    ///
    /// It makes a walk of its own and looks at every cotangent, so hooks are called once more; ordinary
    /// walks are not slowed down. If everything is finite, it says so.
    ///
    /// # Panics
    /// If this is a plain number that was never on a tape, or a rule involved is wrong.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let x = tape.var(Tensor::from([0.0, 4.0]));
    /// let loss = x.sqrt().sum();
    /// let diagnosis = loss.diagnose();
    /// assert!(diagnosis.nan.is_none() && diagnosis.infinity.is_none());
    /// let birth = diagnosis.infinite_cotangent.unwrap();
    /// assert_eq!((birth.op, birth.place.as_str()), ("sqrt", "gx[0]"));
    /// ```
    #[track_caller]
    pub fn diagnose(self) -> Diagnosis {
        self.try_diagnose().or_panic()
    }

    /// [`diagnose`](Self::diagnose), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If this is a plain number that was never on a tape, or a rule involved is wrong.
    pub fn try_diagnose(self) -> Result<Diagnosis, Error> {
        let Some(tape) = self.tape else {
            return Err(Error::argument(
                "diagnose",
                "the output is a plain number; it depends on no handle of a tape",
            ));
        };
        let (value, slope, index) = (self.repr.value, self.repr.slope, self.repr.index);
        let mut eye = Eye::new(tape, Place::Scalar(index));
        // What is folded into the handle is not a node: its value comes last, its slope is the first cotangent.
        if let Some(kind) = NonFinite::of(value) {
            let seen = match kind {
                NonFinite::Nan => &mut eye.found.nan,
                NonFinite::Infinite => &mut eye.found.infinity,
            };
            let note = tape.folded(index, value);
            seen.get_or_insert_with(|| Birth::scalar(OUTPUT, kind, "y", value, &[], note));
        }
        // It is finite, but on dual numbers a tangent may be NaN.
        if let Some(kind) = NonFinite::of(slope) {
            let note = "the slope of what is folded into it";
            eye.note(kind, || Birth::scalar(OUTPUT, kind, "g", slope, &[], note));
        }
        drop(self.walk(&mut eye)?);
        Ok(eye.found)
    }
}

/// The handle that a diagnosis starts from, which is not a node.
const OUTPUT: (&str, Option<&std::panic::Location<'_>>) = ("output", None);

impl<T: Elem> Var<'_, Tensor<T>> {
    /// [`diagnose`](Var::diagnose) for a tensor, from a given cotangent.
    ///
    /// # Panics
    /// If the shape of the cotangent differs from that of this tensor, or a rule involved is wrong.
    #[track_caller]
    pub fn diagnose(self, cotangent: Tensor<T>) -> Diagnosis {
        self.try_diagnose(cotangent).or_panic()
    }

    /// [`diagnose`](Self::diagnose), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If the shape of the cotangent differs from that of this tensor, or a rule involved is wrong.
    pub fn try_diagnose(self, cotangent: Tensor<T>) -> Result<Diagnosis, Error> {
        let mut eye = Eye::new(self.tape(), Place::Tensor(self.repr.index()));
        drop(self.walk(cotangent, &mut eye)?);
        Ok(eye.found)
    }
}

/// Watches a walk and remembers the first of each kind.
struct Eye<'t, T: Elem> {
    tape: &'t Tape<T>,
    found: Diagnosis,
    output: Place,
}

impl<'t, T: Elem> Eye<'t, T> {
    /// Starts with what is found among the values, before any walk.
    fn new(tape: &'t Tape<T>, output: Place) -> Self {
        let marks = reach(tape, output);
        let first = |kind| tape.first(kind, Some(&marks)).map(|(_, birth)| birth);
        let found = Diagnosis {
            nan: first(NonFinite::Nan),
            infinity: first(NonFinite::Infinite),
            ..Diagnosis::default()
        };
        Self {
            tape,
            found,
            output,
        }
    }

    fn note(&mut self, kind: NonFinite, birth: impl FnOnce() -> Birth) {
        let seen = match kind {
            NonFinite::Nan => &mut self.found.nan_cotangent,
            NonFinite::Infinite => &mut self.found.infinite_cotangent,
        };
        seen.get_or_insert_with(birth);
    }

    /// The kinds that occur in a tensor, each with the position of its first element.
    fn kinds(x: &Tensor<T>) -> impl Iterator<Item = (NonFinite, usize)> {
        let kinds = [NonFinite::Nan, NonFinite::Infinite];
        kinds
            .into_iter()
            .filter_map(|kind| Some((kind, kind.find(x)?)))
    }
}

impl<T: Elem> Watch<T> for &mut Eye<'_, T> {
    fn whole(&mut self, k: usize, g: &Tensor<T>) {
        for (kind, at) in Eye::kinds(g) {
            let nodes = self.tape.nodes();
            let note = match self.output == Place::Tensor(k) {
                true => "entered so",
                false => "by adding its shares",
            };
            self.note(kind, || Birth::whole(nodes.view(k), g, kind, at, note));
        }
    }

    fn share(&mut self, k: usize, operand: usize, g: &Tensor<T>, gx: &Tensor<T>) {
        for (kind, at) in Eye::kinds(gx) {
            let nodes = self.tape.nodes();
            self.note(kind, || {
                Birth::share(nodes.view(k), operand, g, gx, kind, at)
            });
        }
    }

    fn scatter(&mut self, k: usize, i: usize, slope: T, g: T, gx: T) {
        let Some(kind) = NonFinite::of(gx) else {
            return;
        };
        let nodes = self.tape.nodes();
        let from = [
            ("g", g.to_string()),
            ("the slope of what is folded into it", slope.to_string()),
        ];
        let op = ("pack", Some(nodes.view(k).line()));
        let place = format!("gx of scalar {i}");
        self.note(kind, || Birth::scalar(op, kind, place, gx, &from, ""));
    }

    fn scalar(&mut self, k: u32, entry: &Entry<T>, g: T) {
        if entry.is_end() {
            return;
        }
        for (name, (&operand, &slope)) in ["ga", "gb"]
            .into_iter()
            .zip(entry.operand.iter().zip(&entry.partial))
        {
            let gx = slope * g;
            let Some(kind) = NonFinite::of(gx).filter(|_| operand != NOBODY) else {
                continue;
            };
            let origin = self.tape.scalars.origin(k);
            let op = origin.map_or(("scalar operation", None), |o| (o.op, Some(o.line)));
            let from = [("g", g.to_string()), ("slope", slope.to_string())];
            self.note(kind, || Birth::scalar(op, kind, name, gx, &from, ""));
        }
    }
}
