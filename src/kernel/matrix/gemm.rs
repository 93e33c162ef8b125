//! Matrix products by the kernels of the `gemm` crates, for large sizes.
//!
//! These take raw pointers and strides; this file checks bounds in front of them, and gives the rows or columns of large
//! products to several threads. An element is the sum over the inner axis in blocks of at most [`DEPTH`], each in order
//! and with one rounding per term, whatever is computed with it: that is why the number of threads changes no bit.
#![allow(unsafe_code)]

use std::hint::black_box;
use std::marker::PhantomData;
use std::sync::Once;

use gemm_common::Parallelism;

use super::squares::transpose_numbers;
use crate::kernel::simd::Real;
use crate::kernel::{Elem, Matrix, threads};

/// The longest stretch of the inner axis that one call gets; the crates do not cut it further.
const DEPTH: usize = 512;

/// Multiplications that make a thread worth starting.
const FORK: usize = 1 << 21;

/// The least rows for a thread, and the least columns: narrower products take other paths, where the order of the sum
/// would depend on the number of rows.
const ROWS: usize = 12;
const COLUMNS: usize = 17;

/// Threads get columns in multiples of this: as many as the widest kernel of the crates computes together.
const STRIP: usize = 64;

/// Rows from which it pays off to copy a transposed right matrix first: the crates pack it slowly.
const COPY: usize = 24;

/// The product in the crates: sizes, then `c`, `a` and `b`, each with the distance between columns
/// and between rows.
// SAFETY: requires of the caller views that lie in their buffers and the machine it was chosen for; `block` ensures
// both.
type Kernel<T> = unsafe fn(
    usize,
    usize,
    usize,
    *mut T,
    isize,
    isize,
    bool,
    *const T,
    isize,
    isize,
    *const T,
    isize,
    isize,
    T,
    T,
    bool,
    bool,
    bool,
    Parallelism,
);

/// An element that the crates have kernels for; they choose one for this machine.
pub(in crate::kernel) trait Fast: Elem + Real {
    fn kernel() -> Kernel<Self>;
}

impl Fast for f32 {
    fn kernel() -> Kernel<Self> {
        gemm_f32::gemm::f32::get_gemm_fn()
    }
}

impl Fast for f64 {
    fn kernel() -> Kernel<Self> {
        gemm_f64::gemm::f64::get_gemm_fn()
    }
}

/// `c = a b`, or `c += a b` where `add` is set; `c` is contiguous and row-major.
///
/// # Panics
/// If the sizes disagree or a slice is shorter than its view needs.
pub(in crate::kernel) fn matmul<T: Fast>(
    a: Matrix<'_, T>,
    b: Matrix<'_, T>,
    c: &mut [T],
    add: bool,
) {
    let ((m, k), (inner, n)) = (a.size, b.size);
    assert_eq!(k, inner, "the inner sizes agree");
    prime();
    let c = Target::new(c, (m, n));
    let worth = m * n * k / FORK;
    let down = worth.min(m / ROWS).min(threads::count());
    let across = worth.min(n / STRIP).min(2 * threads::count());
    // Each part packs all of the other matrix. For the left one that is little, unless it is transposed.
    let is_transposed = a.step.0 == 1 && a.step.1 > 1;
    if threads::count() == 1 || n < COLUMNS || down.max(across) <= 1 {
        straightened(b, m, |b| in_blocks(a, b, &c, add));
    } else if across > 1 && !(is_transposed && down > 1) {
        let from = |part: usize| match part == across {
            true => n,
            false => n / STRIP * part / across * STRIP,
        };
        threads::each(across, |part| {
            let (from, count) = (from(part), from(part + 1) - from(part));
            let c = c.part((0, from), (m, count));
            straightened(b.columns(from, count), m, |b| in_blocks(a, b, &c, add));
        });
    } else {
        let from = |part: usize| m * part / down;
        straightened(b, m, |b| {
            threads::each(down, |part| {
                let (from, count) = (from(part), from(part + 1) - from(part));
                let c = c.part((from, 0), (count, n));
                in_blocks(a.rows(from, count), b, &c, add);
            });
        });
    }
}

/// Calls `f` with a right matrix, or with a copy of it row after row where that pays off.
fn straightened<T: Fast>(b: Matrix<'_, T>, rows: usize, f: impl FnOnce(Matrix<'_, T>)) {
    if rows < COPY || b.step.0 != 1 || b.step.1 <= 1 {
        return f(b);
    }
    let (k, n) = b.size;
    let mut copy = vec![T::zero(); k * n];
    transpose_numbers(b.data, b.step.1, (k, n), &mut copy, n);
    f(Matrix::new(&copy, k, n));
}

/// Allocates and frees one large block, once.
///
/// The crates allocate a packing buffer in each call. Until glibc has seen a larger block freed, it may return that
/// buffer's pages to the system each time, and touching them anew is a sixth of a training step.
fn prime() {
    const LARGE: usize = 8 << 20;
    static PRIMED: Once = Once::new();
    PRIMED.call_once(|| drop(black_box(Vec::<u8>::with_capacity(LARGE))));
}

/// Rows and columns of the result, for one thread to write. Parts of it may be given to several threads.
struct Target<'c, T> {
    first: *mut T,
    /// The distance between rows.
    stride: usize,
    size: (usize, usize),
    whole: PhantomData<&'c mut [T]>,
}

// SAFETY: needs that threads which share a target write different elements of it: `matmul` gives each its own rows or
// columns.
unsafe impl<T: Send> Sync for Target<'_, T> {}

impl<'c, T> Target<'c, T> {
    /// All of a contiguous row-major result.
    ///
    /// # Panics
    /// If the slice does not hold exactly rows times columns elements.
    fn new(c: &'c mut [T], size: (usize, usize)) -> Self {
        assert_eq!(
            Some(c.len()),
            size.0.checked_mul(size.1),
            "the output holds rows times columns"
        );
        Self {
            first: c.as_mut_ptr(),
            stride: size.1,
            size,
            whole: PhantomData,
        }
    }

    /// The part that begins at a row and a column.
    ///
    /// # Panics
    /// If it reaches beyond the target.
    fn part(&self, (row, column): (usize, usize), size: (usize, usize)) -> Self {
        let fits = |from: usize, count: usize, all: usize| from <= all && count <= all - from;
        assert!(
            fits(row, size.0, self.size.0) && fits(column, size.1, self.size.1),
            "the part lies in the target"
        );
        Self {
            // Never read or written through if the part is empty, and the place may then be beyond the end.
            first: self.first.wrapping_add(row * self.stride + column),
            size,
            ..*self
        }
    }
}

/// The product as a sum over blocks of the inner axis.
fn in_blocks<T: Fast>(a: Matrix<'_, T>, b: Matrix<'_, T>, c: &Target<'_, T>, add: bool) {
    let k = a.size.1;
    let depth = k.div_ceil(k.div_ceil(DEPTH).max(1)).max(1);
    block(a.columns(0, depth), b.rows(0, depth), c, add);
    for from in (depth..k).step_by(depth) {
        block(a.columns(from, depth), b.rows(from, depth), c, true);
    }
}

/// One call of the kernel.
fn block<T: Fast>(a: Matrix<'_, T>, b: Matrix<'_, T>, c: &Target<'_, T>, add: bool) {
    let ((m, k), (inner, n)) = (a.size, b.size);
    assert!(
        k == inner && c.size == (m, n) && a.fits() && b.fits(),
        "the sizes agree and no view reaches beyond its slice"
    );
    let step = |m: &Matrix<'_, T>| (m.step.0 as isize, m.step.1 as isize);
    let ((a_down, a_right), (b_down, b_right)) = (step(&a), step(&b));
    // The kernels write along columns, so they are asked for the transposed product, `cᵀ = bᵀ aᵀ`.
    // SAFETY: `fits` has shown that every element (i, j) of `a` and `b` lies in its slice. Those of `c` lie in the slice
    // that its target was made from and is borrowed mutably for as long as the target lives; `matmul` lets no two
    // threads write the same ones. A stride fits in isize because slices do, except along an axis of one element, where
    // it is multiplied by 0. The kernel is one that the crate chose for this machine.
    unsafe {
        T::kernel()(
            n,
            m,
            k,
            c.first,
            c.stride as isize,
            1,
            add,
            b.data.as_ptr(),
            b_down,
            b_right,
            a.data.as_ptr(),
            a_down,
            a_right,
            T::one(),
            T::one(),
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}

impl<T> Matrix<'_, T> {
    /// At most `count` rows from row `from` on.
    fn rows(self, from: usize, count: usize) -> Self {
        let count = count.min(self.size.0 - from);
        self.part(from * self.step.0, (count, self.size.1))
    }

    /// At most `count` columns from column `from` on.
    fn columns(self, from: usize, count: usize) -> Self {
        let count = count.min(self.size.1 - from);
        self.part(from * self.step.1, (self.size.0, count))
    }

    /// Whether the last element of the view lies in its slice. Sizes and steps may be any numbers.
    fn fits(&self) -> bool {
        let ((rows, cols), (down, right)) = (self.size, self.step);
        if rows == 0 || cols == 0 {
            return true;
        }
        let [down, right] = [(rows - 1).checked_mul(down), (cols - 1).checked_mul(right)];
        let last = down
            .zip(right)
            .and_then(|(down, right)| down.checked_add(right));
        last.is_some_and(|last| last < self.data.len())
    }
}
