//! `Members`: the scalar handles that packs gather into tensors.
//!
//! A pack keeps the index of each handle's node, 4 bytes, and the slopes only if one of its handles is folded: the
//! slope of any other is 1. [`Gathered`] is where readers learn that.

use super::{NOBODY, Tape};
use crate::error::{Error, ErrorKind};
use crate::kernel::Elem;

/// The members of all packs, one pack after another.
#[derive(Debug)]
pub(crate) struct Members<T> {
    indices: Vec<u32>,
    slopes: Vec<T>,
}

/// Where the members of one pack are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pack {
    start: u32,
    /// Where their slopes are, if a handle among them is folded.
    slopes: Option<u32>,
}

impl Pack {
    /// Whether a handle was folded, so that its value is not its node's.
    pub(crate) fn is_folded(self) -> bool {
        self.slopes.is_some()
    }
}

/// What a pack needs of a scalar handle.
#[derive(Clone, Copy)]
pub(crate) struct Packed<'a, T: Elem> {
    pub(crate) index: u32,
    pub(crate) slope: T,
    pub(crate) value: T,
    /// Whether the handle was folded; if not, and it is on a tape, its slope is 1.
    pub(crate) folded: bool,
    /// Its tape; `None` for a plain number.
    pub(crate) tape: Option<&'a Tape<T>>,
}

/// A scalar handle in a pack.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member<T> {
    /// The scalar node, or [`NOBODY`] for a plain number.
    pub(crate) index: u32,
    /// Its slope; that of a plain number means nothing.
    pub(crate) slope: T,
}

/// The members of one pack, for reading.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gathered<'a, T> {
    indices: &'a [u32],
    /// One for each index; `None` if all of them are 1.
    slopes: Option<&'a [T]>,
}

impl<'a, T: Elem> Gathered<'a, T> {
    /// The member at position `k`.
    #[inline]
    pub(crate) fn at(self, k: usize) -> Member<T> {
        Member {
            index: self.indices[k],
            slope: self.slopes.map_or_else(T::one, |slopes| slopes[k]),
        }
    }

    /// All members, in the order of the pack's elements.
    #[inline]
    pub(crate) fn iter(self) -> impl Iterator<Item = Member<T>> + use<'a, T> {
        (0..self.indices.len()).map(move |k| self.at(k))
    }
}

impl<T> Default for Members<T> {
    fn default() -> Self {
        Self {
            indices: Vec::new(),
            slopes: Vec::new(),
        }
    }
}

impl<T: Elem> Members<T> {
    /// Gathers the scalars that `op` reads and writes their values; `None` if none of them is on a tape.
    ///
    /// # Errors
    /// If one of them is on another tape than `own`.
    pub(super) fn gather<'a>(
        &mut self,
        op: &'static str,
        own: &Tape<T>,
        scalars: impl Iterator<Item = Packed<'a, T>> + Clone,
        values: &mut [T],
    ) -> Result<Option<Pack>, Error> {
        let start = self.indices.len();
        self.indices.resize(start + values.len(), NOBODY);
        let (mut all_own, mut folded) = (!values.is_empty(), false);
        // A single pass with few checks, since handles are many bytes. A plain loop: a closure given to `extend` would
        // keep `all_own` and `folded` in memory.
        let places = values.iter_mut().zip(&mut self.indices[start..]);
        for (scalar, (value, index)) in scalars.clone().zip(places) {
            (*value, *index) = (scalar.value, scalar.index);
            all_own &= scalar.tape.is_some_and(|tape| own.is(tape));
            folded |= scalar.folded;
        }
        if !all_own {
            let mut taped = scalars.clone().filter(|scalar| scalar.tape.is_some());
            let foreign = |scalar: Packed<T>| scalar.tape.is_some_and(|tape| !own.is(tape));
            if taped.clone().any(foreign) {
                self.indices.truncate(start);
                return Err(Error::new(ErrorKind::OtherTape { op }));
            }
            if taped.clone().next().is_none() {
                self.indices.truncate(start);
                return Ok(None);
            }
            folded = taped.any(|scalar| scalar.folded);
        }
        let at = |start: usize| {
            u32::try_from(start)
                .expect("a tape gathers at most 2^32 scalars into tensors; reset it")
        };
        let slopes = folded.then(|| at(self.slopes.len()));
        if folded {
            self.slopes.extend(scalars.map(|scalar| scalar.slope));
        }
        Ok(Some(Pack {
            start: at(start),
            slopes,
        }))
    }

    /// The members of a pack with `len` elements.
    #[inline]
    pub(crate) fn of(&self, pack: Pack, len: usize) -> Gathered<'_, T> {
        Gathered {
            indices: &self.indices[pack.start as usize..][..len],
            slopes: pack
                .slopes
                .map(|start| &self.slopes[start as usize..][..len]),
        }
    }

    /// The same members on a tape of wider elements.
    pub(super) fn widened(&self) -> Members<T::Wide> {
        Members {
            indices: self.indices.clone(),
            slopes: self.slopes.iter().map(|slope| slope.widen()).collect(),
        }
    }

    /// The indices of all packs, one after another.
    pub(super) fn indices(&self) -> &[u32] {
        &self.indices
    }

    /// The bytes of all packs.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&self.indices[..]) + size_of_val(&self.slopes[..])
    }

    /// Forgets all packs and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.indices.clear();
        self.slopes.clear();
    }
}
