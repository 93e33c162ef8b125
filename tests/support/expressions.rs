//! Random expressions of chains, for suites that compare one tape with another.

use super::chains::{bits, numbers};
use wengert::{Elem, Tape, Tensor};

/// One step of a random expression: which op, on which of the handles so far.
pub type Step = (u8, u8, u8);

/// Runs the steps and returns all values and gradients as bits, in the order in which they were read.
fn run<T: Elem>(tape: &Tape<T>, shape: &[usize], steps: &[Step], end: u8) -> Vec<Vec<u64>> {
    let mut seen = Vec::new();
    let row = &shape[1..];
    let mut keep = shape.to_vec();
    *keep.last_mut().unwrap() = 1;
    let scalar = tape.var(T::of(0.7));
    let given = [
        numbers(shape, 1),
        numbers(shape, 2),
        numbers(&keep, 3),
        numbers(row, 4),
    ];
    let leaves = given.map(|x| tape.var(x));
    let mut handles = leaves[..3].to_vec();
    let mut watched = Vec::new();
    for &(op, a, b) in steps {
        let [a, b] = [a, b].map(|at| handles[handles.len() - 1 - at as usize % handles.len()]);
        let last = a.rank() - 1;
        handles.push(match op % 31 {
            0 => a + b,
            1 => a * b,
            2 => a - b,
            3 => a / (b.square() + T::one()),
            4 => a.tanh(),
            5 => a.sigmoid() * b,
            6 => a.relu(),
            7 => -a,
            8 => a.maximum(b),
            9 => a.max_keep(last) + b,
            10 => a * b.sum_keep(-1),
            11 => (a - a.mean_keep(last)).square(),
            12 => a * numbers::<T>(row, 5),
            13 => a + numbers::<T>(shape, 6),
            14 => a * leaves[3],
            15 => a + scalar,
            16 => {
                watched.push(a.watch());
                a.sin().min_keep(last) * b
            }
            17 => {
                seen.push(bits(&a.value()));
                a.softplus()
            }
            18 => a + b.detach(),
            19 => a.cumsum(0) * T::of(0.1),
            20 => a * a.sum_axis(0),
            21 => a.logsumexp_keep(last) - b,
            22 => a * b.mean(),
            23 => (a + b.sum() * T::of(0.01)).sin(),
            24 => a.softmax(last) * b,
            25 => a.log_softmax(last) + b,
            26 if shape.len() > 2 => {
                let [a, b] = [a, b].map(|x| x + numbers::<T>(shape, 10));
                a.matmul_t(b).softmax_scaled(-1, T::of(2.0)).matmul(b)
            }
            27 => (a.cumsum(last) * T::of(0.1)).tanh(),
            28 => a.sigmoid().cumprod(last) + b,
            29 => {
                let condition = Tensor::new(
                    row,
                    (0..row.iter().product())
                        .map(|k: usize| k % 3 == 1)
                        .collect(),
                );
                a.where_(&condition.unwrap(), b)
            }
            _ => a.log_sigmoid(),
        });
    }
    let y = *handles.last().unwrap();
    let last = y.shape();
    let loss = match end % 4 {
        0 => y.sum(),
        1 => y.mean(),
        2 => (y * numbers::<T>(&last, 8)).sum() + y.square().mean(),
        _ => y.tanh().mean() + scalar,
    };
    seen.push(bits(&Tensor::scalar(loss.value())));
    for _ in 0..2 {
        let grads = match end & 4 {
            0 => loss.backward(),
            _ => y.vjp(numbers(&last, 9)),
        };
        seen.push(bits(&Tensor::scalar(grads.wrt(scalar))));
        seen.extend(leaves.iter().chain(&watched).map(|&x| bits(&grads.wrt(x))));
        seen.push(vec![tape.last_walk().unwrap().pullbacks as u64]);
    }
    let tangents = tape.forward().along(leaves[0], numbers(shape, 7)).walk();
    seen.push(bits(&tangents.of(y)));
    seen.extend(handles.iter().map(|x| bits(&x.value())));
    seen
}

/// Three recordings on one tape: the next is as the first one suggests, and the last is not.
pub fn recordings<T: Elem>(
    mut tape: Tape<T>,
    shape: &[usize],
    steps: &[Step],
    end: u8,
) -> Vec<Vec<Vec<u64>>> {
    let ends = [end, end, end.wrapping_add(1)];
    let recording = |end| {
        tape.reset();
        run(&tape, shape, steps, end)
    };
    ends.map(recording).into()
}
