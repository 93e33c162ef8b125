//! The symmetric Jacobian of softmax on lines: VJP and JVP.

use super::bundles::{Kept, Set};
use super::forward::Mask;
use super::layout::Layout;
use super::lines::{Job, Own};
use super::sweep::Function;
use super::{plain, plain_loss};
use crate::kernel::Rows;
use crate::kernel::simd::{Lanes, Real};

/// `gx_j = y_j ((g_j - c) - Σ_i (g_i - c) y_i)`, `c = g_m`, possibly divided by a temperature.
pub(super) struct Pullback<'a, T> {
    pub top: &'a [u32],
    pub temperature: Option<T>,
    pub mask: Option<Mask<'a>>,
}

/// `(g_j - c) y_j`.
#[derive(Clone, Copy)]
struct Centred<V> {
    c: V,
}

impl<V: Lanes> Function<V> for Centred<V> {
    const PRODUCT: bool = true;

    #[inline(always)]
    fn of<const N: usize>(&self, _: [usize; N], mut y: [V; N], g: [V; N]) -> [V; N] {
        for k in 0..N {
            y[k] = (g[k] - self.c) * y[k];
        }
        y
    }

    #[inline(always)]
    fn add(&self, _: usize, y: V, g: V, sum: V) -> V {
        (g - self.c).mul_add(y, sum)
    }
}

/// `y_j ((g_j - c) - s)`.
#[derive(Clone, Copy)]
struct Applied<V> {
    c: V,
    s: V,
}

impl<V: Lanes> Function<V> for Applied<V> {
    #[inline(always)]
    fn of<const N: usize>(&self, _: [usize; N], mut y: [V; N], g: [V; N]) -> [V; N] {
        for k in 0..N {
            y[k] = y[k] * ((g[k] - self.c) - self.s);
        }
        y
    }
}

/// Division by a temperature.
#[derive(Clone, Copy)]
struct Per<V> {
    temperature: V,
}

impl<V: Lanes> Function<V> for Per<V> {
    #[inline(always)]
    fn of<const N: usize>(&self, _: [usize; N], mut gx: [V; N], _: [V; N]) -> [V; N] {
        for gx in &mut gx {
            *gx = *gx / self.temperature;
        }
        gx
    }
}

/// The lines whose sum is so far from the largest number that subtracting it from a finite one stays finite: it is less
/// than half a step there. A sum that is not finite, since `g - c` overflowed or the line holds NaN, is not among them.
#[inline(always)]
fn near<V: Lanes>(level: V::Level, s: V) -> u32 {
    let bound = V::splat(level, plain::bound());
    s.less(bound) & (-bound).less(s)
}

impl<T: Real> Job<T> for Pullback<'_, T> {
    const ASKS: bool = false;

    #[inline(always)]
    fn lines<V: Lanes<Item = T>, L: Layout<V>>(
        &self,
        level: V::Level,
        r: usize,
        mut lines: L,
        own: Own<'_, T>,
    ) -> Set {
        let top = &self.top[r..r + own.lines];
        let mut centres = Kept::new();
        for k in 0..lines.bundles() {
            centres.push(lines.pick(level, 1, k, top));
        }
        let centred = |k| Centred { c: centres.get(k) };
        // Fewer in f32, which has fewer digits.
        let fours = 64 / V::COUNT;
        let mut totals = Kept::new();
        lines.sums::<_, true, false>(level, fours, T::ZERO, centred, &mut totals);
        let (mut sums, mut well) = (Kept::new(), 0);
        for k in 0..lines.bundles() {
            let s: V = totals.get(k).value::<L>(level);
            well |= L::well(k, near(level, s));
            sums.push(s);
        }
        let applied = |k| Applied {
            c: centres.get(k),
            s: sums.get(k),
        };
        lines.each::<_, true>(level, applied);
        if let Some(temperature) = self.temperature {
            let temperature = V::splat(level, temperature);
            lines.update(level, |_| Per { temperature });
        }
        well
    }

    fn line(&self, r: usize, [y, g]: [&[T]; 2], gx: &mut [T], _: Own<'_, T>) {
        let (line, top) = (Rows::last(1, y.len()), &self.top[r..=r]);
        match (&self.mask, self.temperature) {
            (Some(mask), _) => {
                plain_loss::masked_softmax_vjp(line, y, &mask.line(r), top, g, gx);
            }
            (None, Some(t)) => plain_loss::softmax_scaled_vjp(line, y, top, t, g, gx),
            (None, None) => plain::softmax_vjp(line, y, top, g, gx),
        }
    }
}
