//! Reverse-mode automatic differentiation: scalar and tensor nodes on one tape, and a softmax whose
//! hand-written backward pass is compared, element by element, with the gradient that the tape derives
//! from the same function written with exp, sum and division.
//!
//! # A tour
//! A [`Tape`] records what is computed with its handles. [`Tape::var`] enters a number or a
//! [`Tensor`] and returns a [`Var`], which is `Copy` and used like the value it stands for.
//! [`Var::backward`] walks the tape backward from a scalar and returns [`Gradients`], typed like the values.
//!
//! ```
//! use wengert::{Tape, Tensor};
//!
//! let tape = Tape::new();
//! let w = tape.var(Tensor::from([[1.0, -1.0], [0.5, 2.0]]));
//! let b = tape.var(0.1);
//! let loss = (w * w + b).sum();
//! let grads = loss.backward();
//! assert_eq!(grads.wrt(w), Tensor::from([[2.0, -2.0], [1.0, 4.0]]));
//! assert_eq!(grads.wrt(b), 4.0);
//! ```
//!
//! Plain numbers and tensors beside a handle are constants. Shapes broadcast as in numpy. A walk that
//! starts from a tensor takes a cotangent ([`Var::vjp`]); forward walks take directions ([`Tape::forward`]).
//!
//! Scalar handles implement [`num_traits::Float`], so code that is generic over floats can be
//! differentiated as it is:
//!
//! ```
//! use num_traits::Float;
//! use wengert::Tape;
//!
//! fn kepler<F: Float>(anomaly: F, eccentricity: F) -> F {
//!     anomaly - eccentricity * anomaly.sin()
//! }
//!
//! let tape = Tape::new();
//! let (anomaly, eccentricity) = (tape.var(0.5), tape.var(0.1));
//! let grads = kepler(anomaly, eccentricity).backward();
//! assert_eq!(grads.wrt(anomaly), 1.0 - 0.1 * 0.5f64.cos());
//! ```
//!
//! # Whole functions
//! [`transform`] differentiates closures: gradients, Jacobians, Hessian-vector products and whole Hessians, for
//! numbers, tensors and structures of them, through every op and to any order (up to the fourth where plain numbers
//! are written beside handles).
//!
//! ```
//! use wengert::{Tensor, transform::{grad, hvp}};
//!
//! let (x, v) = (Tensor::from([1.0, 2.0]), Tensor::from([1.0, 0.0]));
//! assert_eq!(grad(|x| (x * x * x).sum(), &x), Tensor::from([3.0, 12.0]));
//! assert_eq!(hvp(|x| (x * x * x).sum(), &x, &v), Tensor::from([6.0, 0.0]));
//! ```
//!
//! # Rules and checks
//! Every op is a [`Rule`](rule::Rule) with a hand-written VJP, generic over the element type ([`Elem`]).
//! On [`Dual`] elements a rule gives second derivatives, and on wider elements the reference for [`check`],
//! which compares any *fused* op (one with a rule of its own), yours included, with the same function
//! *composed* of other ops:
//!
//! ```
//! use wengert::{Tensor, check};
//!
//! let report = check::compare(
//!     |x| x.sigmoid(),
//!     |x| ((-x).exp() + 1.0).recip(),
//!     &Tensor::from([-40.0, 0.0, 40.0]),
//! );
//! report.assert_agrees();
//! assert!(report.gradients[0].fused.max <= 2.0); // ulps
//! ```
//!
//! # Bad input
//! Operators and methods without `try_` panic at the user's line, with the op, both shapes and the remedy; each op on
//! tensor handles has a `try_` twin that returns the same text as an [`Error`], and constructors such as
//! [`Tensor::new`] return a `Result`. Bad numbers are not errors: infinities and NaN propagate as IEEE arithmetic has
//! it, and each op's documentation says what results.
//!
//! # Instruction sets
//! Kernels use the best instructions that the machine has, AVX-512 or AVX2 with FMA, chosen when the program runs. The
//! environment variable `WENGERT_SIMD` selects another level: `avx512`, `avx2` or `portable`; one that is unknown or
//! that the machine lacks causes a panic. Softmax and its relatives give the same bits with AVX2 and AVX-512. So do
//! `exp`, `sigmoid` and `tanh` in `f32`; the bits of other elementwise ops do not depend on the level at all.
//!
//! # Features
//! - `cursor` (default): scalar nodes are recorded through a raw cursor instead of a checked list;
//!   faster, with the same bits.
//! - `gemm` (default): matrix products use the kernels of the `gemm` crates instead of a plain loop.
//! - `half`: tensors can be stored as `half::bf16` and `half::f16`, and are computed in `f32` ([`Storage`]).
//! - `ndarray`: conversions to and from arrays of the `ndarray` crate ([`Tensor`]'s `From` and `ndarray`).
//! - `rayon` (default): large kernels run on several threads, with the same bits for any number of them. The threads are
//!   those of rayon's global pool; one that has helped waits up to 250 µs for more before it serves others or sleeps.
//! - `serde`: tensors implement `Serialize` and `Deserialize`, which is how the parameters of a model are saved and
//!   loaded ([`Tensor`]'s `Serialize` shows it); [`inspect::Ledger`] implements `Serialize`.
//! - `simd` (default): kernels for AVX2 and AVX-512, besides those for the target's own instructions, always there.

mod backward;
pub mod check;
pub mod dual;
mod error;
pub mod forward;
mod gradients;
pub mod inspect;
mod kernel;
pub mod ops;
mod tape;
mod tensor;
pub mod transform;
mod var;

pub use dual::{Dual, Duals};
pub use error::{Divergence, Error, ErrorKind};
pub use gradients::{Gradients, Handles};
#[doc(hidden)]
pub use kernel::simd::Level;
pub use kernel::{Constant, Dd, Elem, Embeds, Matrix, Rows, System};
pub use ops::loss::{Labels, LossOptions, Reduction};
pub use ops::softmax::{EmptyRow, SoftmaxJacobian, scalar};
pub use ops::{Span, s};
pub use tape::{Id, NodeKind, NodeView, Nodes, Recomputation, Tape, WalkCost, rule};
pub use tensor::{Axes, Axis, Entry, Random, Shape, Storage, Tensor};
pub use var::{Operand, Value, Var};

/// Makes the code in the documents compile and run as documentation tests.
#[cfg(doctest)]
mod documents {
    #[doc = include_str!("../README.md")]
    struct Readme;

    #[doc = include_str!("../docs/softmax.md")]
    struct Softmax;

    #[doc = include_str!("../docs/orders.md")]
    struct Orders;
}
