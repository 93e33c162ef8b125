//! Transposes a square of vectors in registers.

use super::Lanes;

/// Exchanges rows and columns of as many vectors as there are lanes: first within quarters of vectors (16 bytes, beyond
/// which most instructions do not reach), then the quarters.
#[inline(always)]
pub(crate) fn transpose<V: Lanes>(block: &mut [V; 16]) {
    let width = V::COUNT / 4;
    for i in (0..V::COUNT).step_by(width) {
        if width == 4 {
            let [a, c] = block[i].interleaved::<1>(block[i + 1]);
            let [b, d] = block[i + 2].interleaved::<1>(block[i + 3]);
            [block[i], block[i + 1]] = a.interleaved::<2>(b);
            [block[i + 2], block[i + 3]] = c.interleaved::<2>(d);
        } else {
            [block[i], block[i + 1]] = block[i].interleaved::<1>(block[i + 1]);
        }
    }
    for column in 0..width {
        let (i, j, k, l) = (
            column,
            width + column,
            2 * width + column,
            3 * width + column,
        );
        let [a, b] = block[i].parted(block[j]);
        let [c, d] = block[k].parted(block[l]);
        [block[i], block[k]] = a.parted(c);
        [block[j], block[l]] = b.parted(d);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Detected, Level, Real, Task, run};
    use super::*;

    struct Square;

    impl<T: Real> Task<T> for Square {
        #[inline(always)]
        fn run<V: Lanes<Item = T>>(self, level: V::Level) {
            let number = |i: usize, j: usize| V::Item::whole((16 * i + j) as i32);
            let mut block = [V::splat(level, number(0, 0)); 16];
            for (i, vector) in block.iter_mut().enumerate() {
                let mut row = [number(0, 0); 16];
                for (j, x) in row.iter_mut().enumerate() {
                    *x = number(i, j);
                }
                *vector = V::load(level, &row);
            }
            transpose(&mut block);
            for (i, vector) in block[..V::COUNT].iter().enumerate() {
                for (j, x) in vector.numbers()[..V::COUNT].iter().enumerate() {
                    assert!(*x == number(j, i), "row {i}, column {j}");
                }
            }
        }
    }

    #[test]
    fn rows_become_columns_on_every_level() {
        for &level in Level::all() {
            level.force(|| {
                run::<f32>(Detected::current(), Square);
                run::<f64>(Detected::current(), Square);
            });
        }
    }
}
