//! `Sizes`: the data of a shape, as plain numbers that are copied and compared as a whole.
//!
//! A loop over the axes, or a vector that may be on the heap, costs more than the work of a small op. What the sizes
//! mean is in `shape`.

use std::ops::Deref;

/// The sizes of some axes, and what follows from them.
pub(super) struct Sizes {
    kept: Kept,
    /// The number of elements.
    len: usize,
    /// All sizes packed into one number; 0 if they are too large or too many.
    code: u64,
}

#[derive(Clone, PartialEq, Eq)]
enum Kept {
    /// Sizes beyond the rank are 0.
    Few {
        rank: usize,
        sizes: [usize; 4],
    },
    Many(Box<[usize]>),
}

impl Sizes {
    #[inline]
    pub(super) fn new(sizes: &[usize]) -> Self {
        let (len, code) = (product(sizes), code(sizes));
        let mut few = [0; 4];
        let rank = sizes.len();
        if rank > few.len() {
            let kept = Kept::Many(sizes.into());
            return Self { kept, len, code };
        }
        few.iter_mut().zip(sizes).for_each(|(to, &size)| *to = size);
        let kept = Kept::Few { rank, sizes: few };
        Self { kept, len, code }
    }

    /// How many elements there are; stored, since it is read more often than shapes are made.
    #[inline]
    pub(super) fn elements(&self) -> usize {
        self.len
    }

    /// Whether both have the same code, which proves them equal; `false` says nothing.
    #[inline]
    pub(super) fn are_surely(&self, other: &Self) -> bool {
        self.code == other.code && self.code != 0
    }

    /// Whether there are few enough to be stored in place.
    #[inline]
    pub(super) fn are_few(&self) -> bool {
        matches!(self.kept, Kept::Few { .. })
    }

    /// Lets `f` change the sizes.
    pub(super) fn change<R>(&mut self, f: impl FnOnce(&mut [usize]) -> R) -> R {
        let result = f(match &mut self.kept {
            Kept::Few { rank, sizes } => &mut sizes[..*rank],
            Kept::Many(sizes) => sizes,
        });
        (self.len, self.code) = (product(self), code(self));
        result
    }

    /// A clone of many sizes, out of the way of the others.
    #[cold]
    #[inline(never)]
    fn clone_many(&self) -> Self {
        Self {
            kept: self.kept.clone(),
            ..*self
        }
    }

    /// Whether sizes that have no code are equal.
    #[inline(never)]
    fn are_as_large(&self, other: &Self) -> bool {
        self.kept == other.kept
    }
}

impl Clone for Sizes {
    #[inline]
    fn clone(&self) -> Self {
        match self.kept {
            Kept::Few { rank, sizes } => Self {
                kept: Kept::Few { rank, sizes },
                ..*self
            },
            Kept::Many(_) => self.clone_many(),
        }
    }
}

impl PartialEq for Sizes {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.code == other.code && (self.code != 0 || self.are_as_large(other))
    }
}

impl Eq for Sizes {}

impl Deref for Sizes {
    type Target = [usize];

    #[inline]
    fn deref(&self) -> &[usize] {
        match &self.kept {
            Kept::Few { rank, sizes } => &sizes[..*rank],
            Kept::Many(sizes) => sizes,
        }
    }
}

/// The number of elements. A product that overflows is more than any buffer holds, and `check_size` refuses it, even if
/// another size is 0, since rows and strides are products of the rest.
fn product(sizes: &[usize]) -> usize {
    /// More elements than this, of 64 bytes each, do not fit into any memory.
    const MOST: usize = usize::MAX >> 7;
    let others = sizes
        .iter()
        .fold(1, |len: usize, &n| len.saturating_mul(n.max(1)));
    match sizes.contains(&0) {
        true if others <= MOST => 0,
        true => usize::MAX,
        false => others,
    }
}

/// Up to four sizes of 15 bits, and their number, in one code; 0 for others.
fn code(sizes: &[usize]) -> u64 {
    const BITS: usize = 15;
    if sizes.len() > 4 || sizes.iter().any(|size| size >> BITS != 0) {
        return 0;
    }
    let rank = sizes.len() as u64 + 1;
    sizes
        .iter()
        .fold(rank, |code, &n| (code << BITS) | n as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_of_any_size_are_told_apart() {
        const SIZES: [usize; 8] = [0, 1, 2, 32_767, 32_768, 32_769, 65_537, usize::MAX];
        let pairs = SIZES.iter().flat_map(|&a| SIZES.map(|b| [a, b]));
        let all: Vec<Sizes> = pairs
            .flat_map(|[a, b]| {
                let sizes: [&[usize]; 4] = [&[a, b], &[a, b, 1], &[1, a, 1, b], &[1, a, 1, b, 1]];
                sizes.map(Sizes::new)
            })
            .collect();
        for (k, sizes) in all.iter().enumerate() {
            assert_eq!(all.iter().position(|other| other == sizes), Some(k));
            let mut changed = sizes.clone();
            changed.change(|sizes| sizes[0] ^= 3);
            assert!(changed != *sizes);
            changed.change(|changed| changed[0] = sizes[0]);
            assert!(changed == *sizes && changed.elements() == sizes.elements());
        }
    }

    #[test]
    fn an_axis_of_size_1_or_0_makes_another_code() {
        let all: [&[usize]; 5] = [&[], &[0], &[1], &[1, 0], &[0, 1]];
        for (k, a) in all.iter().enumerate() {
            for (l, b) in all.iter().enumerate() {
                assert_eq!(Sizes::new(a).are_surely(&Sizes::new(b)), k == l);
            }
        }
    }
}
