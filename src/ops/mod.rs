//! Operations: each op is one file and one line in the registry.
//!
//! A file holds the op's documentation, its rule, its methods, the same function composed from
//! other ops, and the [`Spec`] from which the checks, the table of ops and the benchmarks follow.

mod argmax;
mod argmin;
mod custom;
mod forms;
mod hook;
mod spec;

pub(crate) use forms::evaluate;
pub use forms::{Binary, Map, Right, Span, Spans, Unary, Zip, s};
pub use spec::{Draw, Sample, Spec, Visitor};

/// Declares the modules of all ops and the walk over them; a folder (`/softmax`) has its own registry.
macro_rules! registry {
    ($($module:ident::$op:ident$(<$t:ty>)?)* $(/ $folder:ident)*) => {
        $(mod $module;)*
        $(pub mod $folder;)*

        /// Passes every op of this module to `visitor`, in the order of the registry.
        pub fn visit(visitor: &mut impl $crate::ops::Visitor) {
            $(visitor.op::<$module::$op$(<$t>)?>();)*
            $($folder::visit(visitor);)*
        }
    };
}

registry! {
    add::Sum2
    sub::Difference
    mul::Product
    div::Quotient
    neg::Negation
    pow::Pow
    powi::Powi
    powf::Powf<f64>
    exp::Exp
    exp2::Exp2
    ln::Ln
    log2::Log2
    log10::Log10
    log1p::Log1p
    expm1::Expm1
    sqrt::Sqrt
    rsqrt::Rsqrt
    recip::Recip
    square::Square
    cbrt::Cbrt
    abs::Abs
    sin::Sin
    cos::Cos
    tan::Tan
    asin::Asin
    acos::Acos
    atan::Atan
    sinh::Sinh
    cosh::Cosh
    asinh::Asinh
    acosh::Acosh
    atanh::Atanh
    sigmoid::Sigmoid
    log_sigmoid::LogSigmoid
    softplus::Softplus
    silu::Silu
    relu::Relu
    erf::Erf
    erfc::Erfc
    gelu::Gelu
    gelu_tanh::GeluTanh
    tanh::Tanh
    sign::Sign
    floor::Floor
    leaky_relu::LeakyRelu<f64>
    elu::Elu<f64>
    clamp::Clamp<f64>
    atan2::Atan2
    hypot::Hypot
    maximum::Maximum
    minimum::Minimum
    sum::Sum
    mean::Mean
    prod::Prod
    variance::Variance
    deviation::Deviation
    max::Max
    min::Min
    norm::Norm
    norm_l1::NormL1
    layer_norm::LayerNorm<f64>
    cumsum::Cumsum
    cumprod::Cumprod
    matmul::Matmul
    matmul_t::MatmulT
    dot::Dot
    outer::Outer
    linear_solve::LinearSolve
    solve_triangular::SolveTriangular
    cholesky::Cholesky
    log_abs_det::LogAbsDet
    diagonal::Diagonal
    permute::Permute
    reshape::Reshape
    broadcast_to::BroadcastTo
    slice::Slice
    at::At
    scalars::Scalars
    index_select::IndexSelect
    gather::Gather
    scatter_add::ScatterAdd
    concat::Concat
    stack::Stack
    pad::Pad<f64>
    where_::Where
    /softmax
    /loss
}
