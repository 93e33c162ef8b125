//! Vectors of one length on every machine: 64 bytes, in one register, in two, or in an array.
//!
//! Kernels are written once, over [`Lanes`]; the level they run on is chosen at run time. All levels with a fused
//! multiply-add give the same bits, since the lanes are the same. A [`Loop`] names no vectors, and gives the same bits
//! on all levels, or on all that fuse. No formula is known here.

#[cfg(all(target_arch = "x86_64", feature = "simd"))]
mod avx2;
#[cfg(all(target_arch = "x86_64", feature = "simd"))]
mod avx512;
mod fetch;
mod lanes;
mod portable;
mod real;
mod shared;
mod transpose;

pub(crate) use fetch::{fetch, fetch_all};
pub(crate) use lanes::{Lanes, Step};
pub(crate) use real::Real;
pub(crate) use shared::Shared;
pub(crate) use transpose::transpose;

use super::Loop;
use std::cell::Cell;
use std::fmt;
use std::sync::LazyLock;

/// The instructions that kernels may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Level {
    /// What the target was compiled for.
    Portable,
    /// AVX2 with fused multiply-add.
    Avx2,
    /// AVX-512 F and DQ.
    Avx512,
}

impl Level {
    /// The levels that this machine has, the best one last.
    #[must_use]
    pub fn all() -> &'static [Self] {
        let all = &[Self::Portable, Self::Avx2, Self::Avx512];
        #[cfg(all(target_arch = "x86_64", feature = "simd"))]
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            let wide = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512dq");
            return &all[..if wide { 3 } else { 2 }];
        }
        &all[..1]
    }

    /// The level in use: the best one, unless the environment variable `WENGERT_SIMD` names another.
    #[must_use]
    pub fn current() -> Self {
        Detected::current().0
    }

    /// Runs `f` with this thread's kernels on this level, so that tests can reach each level.
    ///
    /// # Panics
    /// If this machine has no such level.
    pub fn force<R>(self, f: impl FnOnce() -> R) -> R {
        struct Restore(Option<Level>);
        impl Drop for Restore {
            fn drop(&mut self) {
                FORCED.set(self.0);
            }
        }
        assert!(
            Self::all().contains(&self),
            "this machine has no level {self}"
        );
        let _restore = Restore(FORCED.replace(Some(self)));
        f()
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Portable => "portable",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
        })
    }
}

thread_local! {
    static FORCED: Cell<Option<Level>> = const { Cell::new(None) };
}

static CHOSEN: LazyLock<Level> = LazyLock::new(|| {
    let all = Level::all();
    let wanted = std::env::var("WENGERT_SIMD").unwrap_or_default();
    let named = all.iter().find(|level| level.to_string() == wanted);
    assert!(
        wanted.is_empty() || named.is_some(),
        "WENGERT_SIMD is {wanted:?}; this machine has the levels {}",
        all.iter()
            .map(Level::to_string)
            .collect::<Vec<_>>()
            .join(", ")
    );
    *named.unwrap_or(&all[all.len() - 1])
});

/// A level that this machine has.
#[derive(Clone, Copy)]
pub(crate) struct Detected(Level);

impl Detected {
    /// The level that every target has.
    const PORTABLE: Self = Self(Level::Portable);

    /// The level in use. Both of its sources admit only levels of [`Level::all`].
    pub fn current() -> Self {
        Self(FORCED.get().unwrap_or(*CHOSEN))
    }
}

/// Work on vectors of any level.
pub(crate) trait Task<T: Real> {
    /// Does the work; `level` is the proof that the machine can.
    ///
    /// Must be `#[inline(always)]`, like everything on the way to the vectors' methods: only what is inlined into the
    /// function that enables a level's instructions is compiled to them.
    fn run<V: Lanes<Item = T>>(self, level: V::Level);
}

/// The proof that a level needs no instruction beyond the target's.
#[derive(Clone, Copy)]
pub(crate) struct Portable;

/// The proof that the machine has AVX2 and FMA. Only [`run`] makes it, and the level's own code where it has a vector,
/// which is proof enough.
#[cfg(all(target_arch = "x86_64", feature = "simd"))]
#[derive(Clone, Copy)]
pub(crate) struct Avx2(());

/// The proof that the machine has AVX-512 F and DQ: only [`run`] makes it.
#[cfg(all(target_arch = "x86_64", feature = "simd"))]
#[derive(Clone, Copy)]
pub(crate) struct Avx512(());

/// Loops over fewer elements use the target's instructions, since choosing a level would cost more.
pub(crate) const FEW: usize = 32;

/// Runs a loop over `len` elements compiled for the level in use, or for the target where they are few and that gives
/// the same bits.
pub(crate) fn run_loop<T: Real, L: Loop>(len: usize, work: L) {
    let level = match len < FEW && !L::FUSES {
        true => Detected::PORTABLE,
        false => Detected::current(),
    };
    run::<T>(level, Whole(work));
}

/// A loop as a task: it names no vectors; the compiler finds them.
struct Whole<L>(L);

impl<T: Real, L: Loop> Task<T> for Whole<L> {
    #[inline(always)]
    fn run<V: Lanes<Item = T>>(self, _: V::Level) {
        if L::FUSES && V::FUSED {
            self.0.run::<true>();
        } else {
            self.0.run::<false>();
        }
    }
}

/// Runs `task` on a level.
pub(crate) fn run<T: Real>(level: Detected, task: impl Task<T>) {
    match level.0 {
        Level::Portable => task.run::<T::Portable>(Portable),
        #[cfg(all(target_arch = "x86_64", feature = "simd"))]
        Level::Avx2 => avx2::enter(Avx2(()), task),
        #[cfg(all(target_arch = "x86_64", feature = "simd"))]
        Level::Avx512 => avx512::enter(Avx512(()), task),
        #[cfg(not(all(target_arch = "x86_64", feature = "simd")))]
        _ => unreachable!("only x86-64 has other levels"),
    }
}
