//! `Birth`: where a number first became NaN or infinite, and from what.

use std::fmt;
use std::panic::Location;

use crate::kernel::Elem;
use crate::tape::{NodeKind, NodeView};
use crate::tensor::{Shape, Tensor};

/// The kinds of numbers that are not finite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NonFinite {
    /// NaN, or a dual number with such a part.
    Nan,
    /// Infinite.
    Infinite,
}

impl NonFinite {
    /// The kind of `x`; `None` if it is finite, its tangent included.
    pub(super) fn of<T: Elem>(x: T) -> Option<Self> {
        // 0 times a number that is not finite is NaN, and `is_zero` looks at tangents too.
        if (x * T::zero()).is_zero() {
            return None;
        }
        match (0..T::PARTS).any(|k| x.part(k).is_nan()) {
            true => Some(Self::Nan),
            false => Some(Self::Infinite),
        }
    }

    /// The first element of this kind.
    pub(super) fn find<T: Elem>(self, x: &Tensor<T>) -> Option<usize> {
        x.iter().position(|&x| Self::of(x) == Some(self))
    }
}

/// The first value or cotangent of its kind, and what it came from.
///
/// `Display` prints one line, such as
/// `ln at src/main.rs:12: y[3] = -inf from x[3] = 0; shapes [4] -> [4]`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Birth {
    /// The op, or "leaf", "constant", "pack" (scalars gathered), "output".
    pub op: &'static str,
    /// The user's line that recorded it; `None` for scalar nodes of a tape without lines.
    pub line: Option<&'static Location<'static>>,
    /// Whether it is NaN or infinite.
    pub kind: NonFinite,
    /// Its place: `y[3]` for a value, `gx[3]` for a cotangent.
    pub place: String,
    /// The number as printed.
    pub number: String,
    /// The numbers that it came from, each with its place.
    pub from: Vec<(String, String)>,
    /// What else is known, for instance that it was entered like this.
    pub note: String,
    /// The shapes of the op, if it is one on tensors: `[2, 3], [3] -> [2, 3]`.
    pub shapes: String,
}

impl fmt::Display for Birth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.op)?;
        if let Some(line) = self.line {
            write!(f, " at {}:{}", line.file(), line.line())?;
        }
        write!(f, ": {} = {}", self.place, self.number)?;
        let from = self.from.iter().map(|(at, x)| format!("{at} = {x}"));
        let from: Vec<_> = from.collect();
        for (before, text) in [
            (" from ", &from.join(", ")),
            (", ", &self.note),
            ("; shapes ", &self.shapes),
        ] {
            if !text.is_empty() {
                write!(f, "{before}{text}")?;
            }
        }
        Ok(())
    }
}

impl Birth {
    /// The birth of an element of a tensor node's value.
    pub(super) fn value<T: Elem>(node: NodeView<'_, T>, kind: NonFinite, at: usize) -> Self {
        Self {
            op: node.op(),
            line: Some(node.line()),
            kind,
            place: place("y", node.shape(), at),
            number: node.value().data()[at].to_string(),
            from: operands(node, node.shape(), at),
            note: match node.kind() {
                NodeKind::Leaf => "entered so".into(),
                NodeKind::Constant => "entered so or computed from constants".into(),
                _ => String::new(),
            },
            shapes: shapes(node),
        }
    }

    /// The birth of an element of what a tensor node's pullback gave to an operand.
    pub(super) fn share<T: Elem>(
        node: NodeView<'_, T>,
        operand: usize,
        g: &Tensor<T>,
        gx: &Tensor<T>,
        kind: NonFinite,
        at: usize,
    ) -> Self {
        let name = numbered("gx", operand, node.inputs().len());
        let mut from = around("g", g, gx.shape(), at);
        from.extend(operands(node, gx.shape(), at));
        from.extend(around("y", node.value(), gx.shape(), at));
        Self {
            op: node.op(),
            line: Some(node.line()),
            kind,
            place: place(&name, gx.shape(), at),
            number: gx.data()[at].to_string(),
            from,
            note: String::new(),
            shapes: shapes(node),
        }
    }

    /// The birth of an element of a cotangent none of whose shares had such an element.
    pub(super) fn whole<T: Elem>(
        node: NodeView<'_, T>,
        g: &Tensor<T>,
        kind: NonFinite,
        at: usize,
        note: &str,
    ) -> Self {
        Self {
            op: node.op(),
            line: Some(node.line()),
            kind,
            place: place("g", g.shape(), at),
            number: g.data()[at].to_string(),
            from: Vec::new(),
            note: note.into(),
            shapes: String::new(),
        }
    }

    /// The birth of a number that belongs to no tensor.
    pub(super) fn scalar<T: Elem>(
        (op, line): (&'static str, Option<&'static Location<'static>>),
        kind: NonFinite,
        place: impl Into<String>,
        number: T,
        from: &[(&str, String)],
        note: impl Into<String>,
    ) -> Self {
        let from = from.iter().map(|(at, x)| (at.to_string(), x.clone()));
        Self {
            op,
            line,
            kind,
            place: place.into(),
            number: number.to_string(),
            from: from.collect(),
            note: note.into(),
            shapes: String::new(),
        }
    }
}

/// The operands of a node beside an element of a tensor of this shape.
fn operands<T: Elem>(node: NodeView<'_, T>, shape: &Shape, at: usize) -> Vec<(String, String)> {
    let count = node.inputs().len();
    let inputs = node.inputs().enumerate();
    inputs
        .flat_map(|(k, x)| around(&numbered("x", k, count), x.value(), shape, at))
        .collect()
}

/// `x` for the only operand, `x0`, `x1` for several.
fn numbered(name: &str, k: usize, count: usize) -> String {
    match count {
        1 => name.to_string(),
        _ => format!("{name}{k}"),
    }
}

/// The element of `x` beside element `at` of a tensor of this shape, if the shapes determine one;
/// otherwise the range of all elements.
fn around<T: Elem>(name: &str, x: &Tensor<T>, shape: &Shape, at: usize) -> Vec<(String, String)> {
    if let Some(beside) = beside(x.shape(), shape, at) {
        let number = x.data()[beside].to_string();
        return vec![(place(name, x.shape(), beside), number)];
    }
    let Some(&first) = x.iter().next() else {
        return vec![(name.to_string(), "nothing".to_string())];
    };
    let fold = |(low, high): (T, T), &x: &T| {
        (
            if x < low { x } else { low },
            if x > high { x } else { high },
        )
    };
    let (low, high) = x.iter().fold((first, first), fold);
    vec![(name.to_string(), format!("{low} to {high}"))]
}

/// The element, in a tensor that broadcasts to `shape`, that becomes element `at` there.
fn beside(own: &Shape, shape: &Shape, at: usize) -> Option<usize> {
    let skip = shape.rank().checked_sub(own.rank())?;
    let index = shape.index_of(at);
    let mut place = 0;
    for (k, &n) in own.iter().enumerate() {
        match n {
            n if n == shape[skip + k] => place = place * n + index[skip + k],
            1 => {}
            _ => return None,
        }
    }
    Some(place)
}

/// `y[1, 2]`, or `y` without axes.
fn place(name: &str, shape: &Shape, at: usize) -> String {
    match shape.rank() {
        0 => name.to_string(),
        _ => format!("{name}{:?}", shape.index_of(at)),
    }
}

/// `[2, 3], [3] -> [2, 3]`; empty if the node is not an operation.
fn shapes<T: Elem>(node: NodeView<'_, T>) -> String {
    let inputs: Vec<_> = node.inputs().map(|x| x.shape().to_string()).collect();
    match inputs.is_empty() {
        true => String::new(),
        false => format!("{} -> {}", inputs.join(", "), node.shape()),
    }
}
