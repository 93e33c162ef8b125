//! How lines lie in vectors: along one long line, or down 16 (8) short ones at a time.
//!
//! Both are the same loops over the vectors of a buffer. Lane `l` of a line holds its elements `l`, `l + lanes`, ...; down,
//! the lanes of all lines at hand are the vectors `l`, `l + lanes`, .... So either way the same numbers are added in the
//! same order, and a line has the same bits wherever it lies.

use crate::kernel::simd::{Lanes, Real};

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
        let mut lanes = x.numbers();
        let mut half = V::COUNT / 2;
        while half > 0 {
            for i in 0..half {
                if lanes[i + half] > lanes[i] {
                    lanes[i] = lanes[i + half];
                }
            }
            half /= 2;
        }
        V::splat(level, lanes[0])
    }

    /// The lanes of lines all of whose lanes are in the set.
    #[inline(always)]
    fn whole<V: Lanes>(set: u32) -> u32 {
        match set {
            _ if Self::DOWN => set,
            all if all == V::ALL => all,
            _ => 0,
        }
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

    /// The number that each line has in its lanes.
    #[inline(always)]
    fn collect<V: Lanes>(x: V, each: &mut [V::Item]) {
        let count = each.len();
        each.copy_from_slice(&x.numbers()[..count]);
    }

    /// The same lanes; the compiler sees from it that all lanes of one line hold one number.
    #[inline(always)]
    fn settle<V: Lanes>(level: V::Level, x: V) -> V {
        if Self::DOWN {
            x
        } else {
            V::splat(level, x.numbers()[0])
        }
    }

    /// A costly function of the number that each line has in its lanes.
    #[inline(always)]
    fn map<V: Lanes>(level: V::Level, x: V, f: impl Fn(V::Item) -> V::Item) -> V {
        if Self::DOWN {
            x.map(level, f)
        } else {
            V::splat(level, f(x.numbers()[0]))
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

/// The first index of the largest element `m` of each line.
#[inline(always)]
pub(super) fn first<V: Lanes, L: Layout>(level: V::Level, x: &[V::Item], m: V, top: &mut [u32]) {
    let mut open = if L::DOWN {
        (1u32 << top.len()) - 1
    } else {
        V::ALL
    };
    for i in 0..vectors::<V>(x) {
        let mut found = open & take::<V>(level, x, i, V::Item::NAN).equal(m);
        if found != 0 {
            if !L::DOWN {
                top[0] = (i * V::COUNT) as u32 + found.trailing_zeros();
                return;
            }
            open &= !found;
            while found != 0 {
                top[found.trailing_zeros() as usize] = i as u32;
                found &= found - 1;
            }
            if open == 0 {
                return;
            }
        }
    }
}

/// The largest element of each line.
#[inline(always)]
pub(super) fn largest<V: Lanes, L: Layout>(level: V::Level, x: &[V::Item]) -> V {
    let none = V::Item::NOTHING;
    let mut m = [V::splat(level, none); 4];
    let mut groups = x.chunks_exact(4 * V::COUNT);
    for group in &mut groups {
        for (k, m) in m.iter_mut().enumerate() {
            *m = V::load(level, &group[k * V::COUNT..(k + 1) * V::COUNT]).max(*m);
        }
    }
    let rest = groups.remainder();
    for i in 0..vectors::<V>(rest) {
        m[0] = take::<V>(level, rest, i, none).max(m[0]);
    }
    L::largest(level, m[0].max(m[1]).max(m[2].max(m[3])))
}
