//! The golden records of the softmax family, and the measures that go with them.
#![allow(dead_code)] // each test binary uses its part

use serde_json::Value;
use wengert::{Dd, Elem, Tensor};

use super::golden::number;

/// One expected output: exact to some 106 bits, with the scale that fair errors are measured in.
pub struct Exact {
    pub shape: Vec<usize>,
    hi: Vec<f64>,
    lo: Option<Vec<f64>>,
    scale: Option<Vec<f64>>,
    cscale: Option<Vec<f64>>,
}

/// Which numbers an error is measured against.
#[derive(Clone, Copy, Debug)]
pub enum Measure {
    /// The ulps of the exact result.
    Result,
    /// Those of the largest term after the shift that the exact map cannot see.
    Centred,
    /// Those of the largest term.
    Scale,
}

/// The largest and the mean error of all elements measured so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Errors {
    pub max: f64,
    sum: f64,
    count: usize,
}

impl Errors {
    pub fn mean(&self) -> f64 {
        self.sum / self.count.max(1) as f64
    }

    fn note(&mut self, error: f64) {
        self.max = self.max.max(error);
        self.sum += error;
        self.count += 1;
    }
}

pub fn lines(file: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(format!("tests/golden/{file}.jsonl")).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

pub fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(number).collect()
}

/// A tensor of `T` from numbers that are exact in it.
pub fn tensor<T: Elem>(shape: &Value, data: &Value) -> Tensor<T> {
    let data = numbers(data).into_iter().map(T::of).collect();
    Tensor::new(super::golden::integers(shape), data).unwrap()
}

impl Exact {
    pub fn read(value: &Value) -> Self {
        let optional = |key: &str| value.get(key).map(numbers);
        Self {
            shape: super::golden::integers(&value["shape"]),
            hi: numbers(&value["hi"]),
            lo: optional("lo"),
            scale: optional("scale"),
            cscale: optional("cscale"),
        }
    }

    /// Notes the error of every element found; `at` picks elements of long rows.
    pub fn measure<T: Elem>(
        &self,
        found: &[T],
        at: Option<&[usize]>,
        measure: Measure,
        errors: &mut Errors,
    ) -> f64 {
        let mut worst = 0.0f64;
        for (k, &hi) in self.hi.iter().enumerate() {
            let found = found[at.map_or(k, |at| at[k])];
            let lo = self.lo.as_ref().map_or(0.0, |lo| lo[k]);
            let unit = match measure {
                Measure::Result => hi.abs(),
                Measure::Centred => hi.abs().max(self.cscale.as_ref().map_or(0.0, |c| c[k])),
                Measure::Scale => hi.abs().max(self.scale.as_ref().map_or(0.0, |s| s[k])),
            };
            let error = error_of(found, hi, lo, unit);
            errors.note(error);
            worst = worst.max(error);
        }
        worst
    }
}

/// `|(r - hi) - lo| / ulp(unit)`; where the exact result overflows `T`, infinity is right.
pub fn error_of<T: Elem>(found: T, hi: f64, lo: f64, unit: f64) -> f64 {
    let largest = T::max_value().primal();
    if hi.is_nan() || found.is_nan() {
        return if hi.is_nan() && found.is_nan() {
            0.0
        } else {
            f64::INFINITY
        };
    }
    if hi.abs() > largest || !found.is_finite() {
        let right = !found.is_finite() && found.primal().signum() == hi.signum();
        return if right && hi.abs() > 0.999_999 * largest {
            0.0
        } else {
            f64::INFINITY
        };
    }
    let gap = (Dd::from(found.primal()) - Dd::from(hi)) - Dd::from(lo);
    let least = T::min_positive_value().primal();
    let size = unit.max(least);
    let ulp = f64::from_bits(size.to_bits() & 0x7FF0_0000_0000_0000) * T::epsilon().primal();
    // In the subnormal range the exact result itself is known to half an ulp only.
    let slack = if hi.abs() < least { 0.5 } else { 0.0 };
    (gap.hi().abs() / ulp - slack).max(0.0)
}

/// The inputs of a generated record: logits, cotangents (splitmix64, as the files' README says).
pub fn generated<T: Elem>(record: &Value) -> (Vec<T>, Vec<T>) {
    let n = record["shape"][0].as_u64().unwrap() as usize;
    let mut random = wengert::Random::new(record["seed"].as_str().unwrap().parse().unwrap());
    let single = record["dtype"] == "f32";
    let mut draw = || {
        let bits = random.bits();
        if single {
            ((bits >> 40) as f64 - (1u64 << 23) as f64) / (1u64 << 23) as f64
        } else {
            ((bits >> 11) as f64 - (1u64 << 52) as f64) / (1u64 << 52) as f64
        }
    };
    let attr = |name: &str| {
        record[name]
            .as_f64()
            .unwrap_or_else(|| number(&record[name]))
    };
    let (amp, g_amp, g_offset) = (attr("x_amp"), attr("g_amp"), attr("g_offset"));
    let x = (0..n).map(|_| T::of(draw() * amp)).collect();
    let g = (0..n).map(|_| T::of(g_offset + draw() * g_amp)).collect();
    (x, g)
}
