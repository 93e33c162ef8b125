//! The symmetric Jacobian of softmax on lines: VJP and JVP.

use super::bundles::{Kept, Set};
use super::forward::{Mask, Times};
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

/// Whether `1 / t` is exact, and so a product with it the quotient: `t` is a power of two.
fn is_reciprocal_exact<T: Real>(t: T) -> bool {
    t.integer_decode().0.is_power_of_two() && t.recip().is_normal()
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
        // Where both give the same bits, as with the 8 of attention heads of 64, a product is the faster one.
        match self.temperature {
            Some(t) if is_reciprocal_exact(t) => {
                let per = V::splat(level, t.recip());
                lines.update(level, |_| Times { per });
            }
            Some(t) => {
                let temperature = V::splat(level, t);
                lines.update(level, |_| Per { temperature });
            }
            None => {}
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Elem;
    use crate::kernel::simd::Level;

    /// Multiplied by an exact reciprocal or divided, in range or beyond it.
    fn is_divided_once<T: Elem + Real>() {
        let rows = Rows::last(5, 37);
        let wave = |k: usize| T::of_wide((k as f64 * 0.7).sin());
        let x: Vec<T> = (0..185).map(wave).collect();
        let mut g: Vec<T> = x.iter().rev().copied().collect();
        g[50] = T::infinity();
        let (mut y, mut top) = (x.clone(), vec![0; 5]);
        let [mut whole, mut found] = [x.clone(), x.clone()];
        T::softmax(rows, &x, &mut y, &mut top);
        T::softmax_vjp(rows, &y, &top, &g, &mut whole);
        let end = T::BIAS;
        let powers = [3, -2, end - 1, end, 2 - end, -end].map(|k| T::whole(2).powi(k));
        for t in powers.into_iter().chain([T::whole(3), T::of_wide(0.7)]) {
            T::softmax_scaled_vjp(rows, &y, &top, t, &g, &mut found);
            for (k, (&found, &whole)) in found.iter().zip(&whole).enumerate() {
                let exact = whole / t;
                let same = found == exact || found.is_nan() && exact.is_nan();
                assert!(same, "{t} {k}: {found}, not {exact}");
            }
        }
    }

    #[test]
    fn a_temperature_divides_a_pullback_once() {
        for &level in Level::all() {
            level.force(is_divided_once::<f32>);
            level.force(is_divided_once::<f64>);
        }
    }
}
