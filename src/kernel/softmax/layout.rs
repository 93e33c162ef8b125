//! How lines lie in vectors: along one long line, or down 16 (8) short ones at a time.
//!
//! Both are the same loops over the vectors of a buffer. Lane `l` of a line holds its elements `l`, `l + lanes`, ...; down,
//! the lanes of all lines at hand are the vectors `l`, `l + lanes`, .... So either way the same numbers are added in the
//! same order, and a line has the same bits wherever it lies.

use super::bundles::{Bundles, Kept};
use crate::kernel::simd::{Lanes, Real};

/// Vectors of a line that are all looked at for the place of its maximum.
const FEW: usize = 16;

/// A layout: [`Across`] or [`Down`].
pub(super) trait Layout: Copy {
    /// Whether every lane is a line of its own.
    const DOWN: bool;

    /// The largest lane of each line.
    #[inline(always)]
    fn largest<V: Lanes>(level: V::Level, x: V) -> V {
        if Self::DOWN {
            return x;
        }
        let x = if V::COUNT == 16 {
            x.max(x.swapped::<8>())
        } else {
            x
        };
        let x = x.max(x.swapped::<4>());
        let x = x.max(x.swapped::<2>());
        V::splat(level, x.max(x.swapped::<1>()).first())
    }

    /// A number of each line, in its lanes.
    #[inline(always)]
    fn spread<V: Lanes>(level: V::Level, each: &[V::Item]) -> V {
        match each {
            [one, ..] if !Self::DOWN => V::splat(level, *one),
            all if all.len() == V::COUNT => V::load(level, all),
            some => V::load_part(level, some, V::Item::ZERO),
        }
    }

    /// What the lines of bundle `k` have in their lanes, of a vector with a lane for every line, and its numbers.
    #[inline(always)]
    fn of_bundle<V: Lanes>(level: V::Level, all: V, numbers: &[V::Item; 16], k: usize) -> V {
        if Self::DOWN {
            all
        } else {
            V::splat(level, numbers[k])
        }
    }

    /// The number that each line has in its lanes.
    #[inline(always)]
    fn collect<V: Lanes>(x: V, each: &mut [V::Item]) {
        if Self::DOWN {
            let count = each.len();
            each.copy_from_slice(&x.numbers()[..count]);
        } else {
            each[0] = x.first();
        }
    }

    /// A costly function of the number that each line has in its lanes.
    #[inline(always)]
    fn map<V: Lanes>(level: V::Level, x: V, f: impl Fn(V::Item) -> V::Item) -> V {
        if Self::DOWN {
            x.map(level, f)
        } else {
            V::splat(level, f(x.first()))
        }
    }

    /// Where element `j` of line `line` lies in a buffer.
    #[inline(always)]
    fn at<V: Lanes>(line: usize, j: usize) -> usize {
        if Self::DOWN { j * V::COUNT + line } else { j }
    }

    /// The element `top` of each line, 0 where there is none.
    #[inline(always)]
    fn pick<V: Lanes>(level: V::Level, x: &[V::Item], top: &[u32]) -> V {
        if !Self::DOWN {
            let one = top.first().filter(|&&j| j != super::plain::NONE);
            let one = one.map_or(V::Item::ZERO, |&j| x[j as usize]);
            return V::splat(level, one);
        }
        let mut each = [V::Item::ZERO; 16];
        for (line, (each, &j)) in each.iter_mut().zip(top).enumerate() {
            if j != super::plain::NONE {
                *each = x[Self::at::<V>(line, j as usize)];
            }
        }
        Self::spread(level, &each[..V::COUNT])
    }
}

/// One line, its elements side by side: a vector is a stretch of it.
#[derive(Clone, Copy)]
pub(super) struct Across;

/// As many lines as there are lanes, element by element: vector `j` holds element `j` of each.
#[derive(Clone, Copy)]
pub(super) struct Down;

impl Layout for Across {
    const DOWN: bool = false;
}

impl Layout for Down {
    const DOWN: bool = true;
}

/// The number of vectors of a buffer, the last of which may be a part.
#[inline(always)]
pub(super) fn vectors<V: Lanes>(x: &[V::Item]) -> usize {
    x.len().div_ceil(V::COUNT)
}

/// Vector `i` of a buffer, with `fill` beyond the end.
#[inline(always)]
pub(super) fn take<V: Lanes>(level: V::Level, x: &[V::Item], i: usize, fill: V::Item) -> V {
    let start = i * V::COUNT;
    match x.get(start..start + V::COUNT) {
        Some(full) => V::load(level, full),
        None => V::load_part(level, &x[start..], fill),
    }
}

/// Writes vector `i` of a buffer, up to its end.
#[inline(always)]
pub(super) fn put<V: Lanes>(v: V, y: &mut [V::Item], i: usize) {
    let start = i * V::COUNT;
    match y.get_mut(start..start + V::COUNT) {
        Some(full) => v.store(full),
        None => v.store_part(&mut y[start..]),
    }
}

/// The largest element of each line in `m`, and its first index in `top`, unless that is empty.
///
/// The indices are looked for when all maxima are known: where the search ends no machine guesses, and with a line's maximum
/// still on its way it would wait for that, too.
#[inline(always)]
pub(super) fn largest<V: Lanes, L: Layout>(
    level: V::Level,
    bundles: Bundles,
    x: &[V::Item],
    m: &mut Kept<V>,
    top: &mut [u32],
) {
    if L::DOWN {
        return m.push(highest(level, x, top));
    }
    for k in 0..bundles.count {
        m.push(top_of(level, bundles.part(x, k)));
    }
    for (k, top) in top.iter_mut().enumerate() {
        *top = first(level, bundles.part(x, k), m.get(k));
    }
}

/// The largest elements of lines side by side, and their first indices.
#[inline(always)]
fn highest<V: Lanes>(level: V::Level, x: &[V::Item], top: &mut [u32]) -> V {
    let (mut m, mut at) = (
        V::splat(level, V::Item::NOTHING),
        V::splat(level, V::Item::ZERO),
    );
    for i in 0..x.len() / V::COUNT {
        let x = take::<V>(level, x, i, V::Item::NOTHING);
        let higher = m.less(x);
        m = x.max(m);
        at = V::select(higher, V::splat(level, V::Item::marked(i as u32)), at);
    }
    let places = at.numbers();
    for (top, place) in top.iter_mut().zip(places) {
        *top = place.mark();
    }
    m
}

/// The largest element of one line.
#[inline(always)]
fn top_of<V: Lanes>(level: V::Level, x: &[V::Item]) -> V {
    let mut m = [V::splat(level, V::Item::NOTHING); 4];
    let mut groups = x.chunks_exact(4 * V::COUNT);
    for group in &mut groups {
        for (k, m) in m.iter_mut().enumerate() {
            *m = V::load(level, &group[k * V::COUNT..(k + 1) * V::COUNT]).max(*m);
        }
    }
    let rest = groups.remainder();
    for i in 0..vectors::<V>(rest) {
        m[0] = take::<V>(level, rest, i, V::Item::NOTHING).max(m[0]);
    }
    Across::largest(level, m[0].max(m[1]).max(m[2].max(m[3])))
}

/// The first index of `m` in a line; 0 where there is none.
#[inline(always)]
fn first<V: Lanes>(level: V::Level, x: &[V::Item], m: V) -> u32 {
    let groups = x.chunks_exact(4 * V::COUNT);
    if x.len() <= FEW * V::COUNT {
        // All of it, from the end: to be surprised by a branch costs more.
        let (mut place, last) = (0, groups.remainder());
        for i in (0..vectors::<V>(last)).rev() {
            let found = take::<V>(level, last, i, V::Item::NAN).equal(m);
            let start = x.len() - last.len() + i * V::COUNT;
            place = lowest(u64::from(found), start, place);
        }
        for (i, group) in groups.enumerate().rev() {
            // A loop: what a closure does is not compiled to the level's instructions.
            let mut found = 0;
            for k in 0..4 {
                let v = V::load(level, &group[k * V::COUNT..(k + 1) * V::COUNT]);
                found |= u64::from(v.equal(m)) << (k * V::COUNT);
            }
            place = lowest(found, 4 * i * V::COUNT, place);
        }
        return place;
    }
    let mut start = 0;
    for group in groups {
        let mut found = [0; 4];
        for (k, found) in found.iter_mut().enumerate() {
            *found = V::load(level, &group[k * V::COUNT..(k + 1) * V::COUNT]).equal(m);
        }
        let [a, b, c, d] = found;
        if (a | b) | (c | d) != 0 {
            break;
        }
        start += 4;
    }
    for i in start..vectors::<V>(x) {
        let found = take::<V>(level, x, i, V::Item::NAN).equal(m);
        if found != 0 {
            return (i * V::COUNT) as u32 + found.trailing_zeros();
        }
    }
    0
}

/// The lowest of a set of places that begins at `start`, `other` if it is empty.
#[inline(always)]
fn lowest(set: u64, start: usize, other: u32) -> u32 {
    if set == 0 {
        other
    } else {
        start as u32 + set.trailing_zeros()
    }
}
