//! The sizes of the terms that enter tangents and second derivatives of the softmax family: what rounding errors of
//! sums that cancel are measured by.

use crate::orders::Member;
use wengert::{Dd, Elem, Tensor};

/// A place, a direction and a cotangent.
pub struct Terms<T> {
    pub axis: isize,
    pub x: Vec<Tensor<T>>,
    pub t: Vec<Tensor<T>>,
    pub g: Tensor<T>,
}

impl<T: Elem> Terms<T> {
    /// The same numbers in the wider type.
    pub fn widen(&self) -> Terms<T::Wide> {
        let wide = |x: &[Tensor<T>]| x.iter().map(|x| x.map(T::widen)).collect();
        Terms {
            axis: self.axis,
            x: wide(&self.x),
            t: wide(&self.t),
            g: self.g.map(T::widen),
        }
    }
}

/// One row: what enters its sums, by entry.
struct Row {
    weight: Vec<f64>,
    /// How far the logit is below the maximum.
    depth: Vec<f64>,
    /// How far the direction moves the logit from the maximum.
    moved: Vec<f64>,
    /// The same for the exponent, which depends on the temperature, too.
    step: Vec<f64>,
    /// The temperature, and how fast its logarithm changes.
    temperature: f64,
    rate: f64,
}

impl Row {
    /// `|f_j| + Σ_i p_i |f_i|`: what enters `f_j` minus its mean.
    fn centred(&self, f: &[f64]) -> Vec<f64> {
        let mean = dot(&self.weight, f);
        f.iter().map(|f| f + mean).collect()
    }

    /// `1 - p_j`.
    fn others(&self, j: usize) -> f64 {
        let weights = self.weight.iter().enumerate();
        weights.filter(|(i, _)| *i != j).map(|(_, p)| p).sum()
    }

    /// The tangents of the weights.
    fn tangents(&self) -> Vec<f64> {
        let centred = self.centred(&self.step);
        let pairs = self.weight.iter().zip(centred);
        pairs.map(|(p, step)| p * step / self.temperature).collect()
    }

    /// The derivatives of the pullback of softmax, `p_j (g_j - Σ p_i g_i) / T` with `g` centred, and of that of the
    /// temperature, `Σ depth_j gx_j / T`.
    fn bent(&self, g: &[f64]) -> (Vec<f64>, f64) {
        let (tangents, centred, t) = (self.tangents(), self.centred(g), self.temperature);
        let of_mean = dot(&tangents, g);
        let mut bent = Vec::new();
        let mut of_temperature = 0.0;
        for (j, p) in self.weight.iter().enumerate() {
            let pulled = p * centred[j] / t;
            let slope = (tangents[j] * centred[j] + p * of_mean) / t + pulled * self.rate;
            let of_depth = self.moved[j] + self.depth[j] * self.rate;
            of_temperature += (of_depth * pulled + self.depth[j] * slope) / t;
            bent.push(slope);
        }
        (bent, of_temperature)
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The sizes for the tangent of the result, and for the derivative of the cotangent of each operand.
///
/// A probability below `least` has fewer digits than others, and is taken for `least`.
pub fn sizes(member: &Member, at: &Terms<Dd>, least: f64) -> (Vec<f64>, [Vec<f64>; 2]) {
    let (x, t) = (&at.x[0], &at.t[0]);
    let axis = at.axis.rem_euclid(x.rank() as isize) as usize;
    let hi = |x: &Tensor<Dd>| x.map(|x| x.abs().hi()).into_vec();
    let weight = hi(&match member {
        Member::Masked(mask) => x.masked_softmax(at.axis, mask),
        Member::Scaled => x.softmax_scaled(at.axis, at.x[1].item()),
        _ => x.softmax(at.axis),
    });
    let [temperature, change] = match member {
        Member::Scaled => [&at.x[1], &at.t[1]].map(|t| t.item().abs().hi()),
        _ => [1.0, 0.0],
    };
    let rate = change / temperature;
    let kept = |j: &usize| match member {
        Member::Masked(mask) => mask.data()[*j],
        _ => true,
    };
    let (z, g) = (hi(&x.log_softmax(at.axis)), hi(&at.g));
    let rows = x.shape().rows(axis);
    let mut push = Vec::new();
    let mut bend = [vec![0.0; x.len()], vec![0.0; x.len()]];
    let mut of_temperature = 0.0;
    let mut tangents = vec![0.0; x.len()];
    for (r, start) in rows.starts().enumerate() {
        let places: Vec<usize> = rows.row(start).filter(kept).collect();
        let higher = |a: usize, b: usize| if x.data()[b] > x.data()[a] { b } else { a };
        let Some(top) = places.iter().copied().reduce(higher) else {
            continue;
        };
        let gaps = |of: &Tensor<Dd>| -> Vec<f64> {
            let gap = |&j: &usize| (of.data()[j] - of.data()[top]).abs().hi();
            places.iter().map(gap).collect()
        };
        let (depth, moved) = (gaps(x), gaps(t));
        let row = Row {
            weight: places.iter().map(|&j| weight[j].max(least)).collect(),
            step: moved
                .iter()
                .zip(&depth)
                .map(|(t, x)| t + x * rate)
                .collect(),
            depth,
            moved,
            temperature,
            rate,
        };
        let (moved, of_weight) = (row.centred(&row.moved), row.tangents());
        let mut bend_row = |k: usize, size: &dyn Fn(usize) -> f64| {
            (0..places.len()).for_each(|j| bend[k][places[j]] = size(j));
        };
        match member {
            Member::Labels(labels) | Member::Mean(labels) => {
                push.push(moved[labels[r]]);
                bend_row(0, &|j| g[r] * of_weight[j]);
            }
            Member::Soft => {
                let [targets, of_targets] = [&at.x[1], &at.t[1]].map(|t| {
                    let t = hi(t);
                    places.iter().map(|&j| t[j]).collect::<Vec<_>>()
                });
                let z: Vec<f64> = places.iter().map(|&j| z[j]).collect();
                push.push(dot(&targets, &moved) + dot(&of_targets, &z));
                let [mass, of_mass] = [&targets, &of_targets].map(|t| t.iter().sum::<f64>());
                // `p_j Σ u - u_j`; at the maximum, where p may be nearly 1, without what cancels.
                let own = |j: usize| {
                    let (p, u) = (row.weight[j], of_targets[j]);
                    let direct = match places[j] == top {
                        true => p * (of_mass - u) + u * row.others(j),
                        false => p * of_mass + u,
                    };
                    of_weight[j] * mass + direct
                };
                bend_row(0, &|j| g[r] * own(j));
                bend_row(1, &|j| g[r] * moved[j]);
            }
            Member::Scaled | Member::Masked(_) => {
                let (slopes, more) = row.bent(&gaps(&at.g));
                bend_row(0, &|j| slopes[j]);
                (0..places.len()).for_each(|j| tangents[places[j]] = of_weight[j]);
                of_temperature += more;
            }
        }
    }
    match member {
        Member::Mean(_) => push = vec![push.iter().sum::<f64>() / push.len() as f64],
        Member::Scaled => {
            bend[1] = vec![of_temperature];
            push = tangents;
        }
        Member::Masked(_) => push = tangents,
        _ => {}
    }
    (push, bend)
}
