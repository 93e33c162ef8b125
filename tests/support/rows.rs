//! The golden records of the softmax family, and the measures of `tests/golden/README.md`.
#![allow(dead_code)] // each test binary uses its part

use std::collections::BTreeMap;

use serde_json::Value;
use wengert::{Dd, Elem, Tensor};

/// One record: its fields are read as they are needed.
pub struct Record(Value);

/// An exact result: `hi + lo`, and the size of the terms that enter it.
pub struct Exact {
    pub shape: Vec<usize>,
    pub hi: Vec<f64>,
    lo: Vec<f64>,
    scale: Vec<f64>,
    pub cscale: Vec<f64>,
}

impl Exact {
    /// Numbers that were computed in twice the digits, as exact ones; errors in ulps of `cscale`.
    pub fn of(shape: &[usize], numbers: &[Dd], cscale: Vec<f64>) -> Self {
        Self {
            shape: shape.to_vec(),
            hi: numbers.iter().map(|x| x.hi()).collect(),
            lo: numbers.iter().map(|x| x.lo()).collect(),
            scale: Vec::new(),
            cscale,
        }
    }

    /// The numbers with all their digits.
    pub fn wide(&self) -> Vec<Dd> {
        let lo = self.lo.iter().copied().chain(std::iter::repeat(0.0));
        let pairs = self.hi.iter().zip(lo);
        pairs.map(|(&hi, lo)| Dd::from_parts(hi, lo)).collect()
    }
}

/// Reads a file of records of one element type, `f32` or `f64`.
pub fn read(file: &str, dtype: &str) -> Vec<Record> {
    let text = std::fs::read_to_string(format!("tests/golden/{file}.jsonl")).unwrap();
    let records = text.lines().map(|line| serde_json::from_str(line).unwrap());
    let records: Vec<Record> = records
        .map(Record)
        .filter(|r| r.text("dtype") == dtype)
        .collect();
    assert!(!records.is_empty(), "{file}: no records of {dtype}");
    records
}

impl Record {
    pub fn id(&self) -> &str {
        self.text("id")
    }

    pub fn text(&self, key: &str) -> &str {
        self.0[key].as_str().unwrap_or("")
    }

    pub fn number(&self, key: &str) -> f64 {
        number(&self.0[key])
    }

    pub fn axis(&self) -> isize {
        self.0["axis"].as_i64().unwrap() as isize
    }

    pub fn integers(&self, key: &str) -> Vec<usize> {
        integers(&self.0[key])
    }

    pub fn shape(&self) -> Vec<usize> {
        self.integers("shape")
    }

    pub fn has(&self, key: &str) -> bool {
        self.0.get(key).is_some()
    }

    /// A field in the shape of x, or flat if it has another length.
    pub fn tensor<T: Elem>(&self, key: &str) -> Tensor<T> {
        let data: Vec<T> = numbers(&self.0[key]).into_iter().map(T::of).collect();
        match Tensor::new(self.shape(), data.clone()) {
            Ok(tensor) => tensor,
            Err(_) => data.into(),
        }
    }

    /// A field of the results, if it is there.
    pub fn out(&self, key: &str) -> Option<&Value> {
        self.0["out"].get(key)
    }

    /// A result with its exact value.
    pub fn exact(&self, key: &str) -> Option<Exact> {
        let value = self.out(key)?;
        let list = |key: &str| value.get(key).map(numbers).unwrap_or_default();
        Some(Exact {
            shape: integers(&value["shape"]),
            hi: list("hi"),
            lo: list("lo"),
            scale: list("scale"),
            cscale: list("cscale"),
        })
    }

    /// The inputs of a record that names a generator: all x, then all g.
    pub fn generate<T: Elem>(&self, f32s: bool) -> [Tensor<T>; 2] {
        let n = self.shape()[0];
        let mut state: u64 = self.text("seed").parse().unwrap();
        let mut draw = || {
            state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let z = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            let u = z ^ (z >> 31);
            match f32s {
                true => ((u >> 40) as f64 - f64::from(1 << 23)) / f64::from(1 << 23),
                false => ((u >> 11) as f64 - (1u64 << 52) as f64) / (1u64 << 52) as f64,
            }
        };
        let (amp, g_amp, offset) = (
            self.0["x_amp"].as_f64().unwrap(),
            self.0["g_amp"].as_f64().unwrap(),
            self.0["g_offset"].as_f64().unwrap(),
        );
        let x = (0..n).map(|_| T::of(draw() * amp)).collect();
        let g = (0..n).map(|_| T::of(offset + draw() * g_amp)).collect();
        [x, g]
    }
}

pub fn number(value: &Value) -> f64 {
    match value {
        Value::String(text) => text.parse().unwrap(),
        other => other.as_f64().unwrap(),
    }
}

pub fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(number).collect()
}

pub fn integers(value: &Value) -> Vec<usize> {
    let numbers = value.as_array().unwrap().iter();
    numbers.map(|n| n.as_u64().unwrap() as usize).collect()
}

/// The size that errors are relative to.
#[derive(Clone, Copy)]
pub enum Unit {
    /// That of the result.
    Result,
    /// That of the largest term, without the shift that the exact map ignores.
    Centred,
    /// That of the largest term.
    Scale,
}

/// The numbers of a binary floating-point format.
#[derive(Clone, Copy)]
pub struct Format {
    pub name: &'static str,
    bits: i32,
    least: i32,
    max: f64,
}

pub const F32: Format = Format {
    name: "f32",
    bits: 24,
    least: -126,
    max: f32::MAX as f64,
};

pub const F64: Format = Format {
    name: "f64",
    bits: 53,
    least: -1022,
    max: f64::MAX,
};

pub const F16: Format = Format {
    name: "f16",
    bits: 11,
    least: -14,
    max: 65504.0,
};

pub const BF16: Format = Format {
    name: "bf16",
    bits: 8,
    least: -126,
    max: 3.3895313892515355e38,
};

impl Format {
    /// The smallest number with all its digits.
    pub fn least(self) -> f64 {
        2f64.powi(self.least)
    }

    /// The spacing of the numbers at `v`.
    pub fn ulp(self, v: f64) -> f64 {
        let exponent = (v.to_bits() >> 52 & 0x7ff) as i32 - 1023;
        let exponent = exponent.max(self.least);
        // In two factors, since 2^-1074 has no direct exponent.
        2f64.powi(exponent) * 2f64.powi(1 - self.bits)
    }

    /// The error in ulps of the larger of the result and `size`.
    pub fn distance(self, found: f64, hi: f64, lo: f64, size: f64) -> f64 {
        if found == hi || (found.is_nan() && hi.is_nan()) {
            // This includes infinities.
            if !hi.is_finite() || lo == 0.0 {
                return 0.0;
            }
        }
        // From half a step beyond the largest number on, the right result is infinite.
        if hi.abs() >= self.max + self.ulp(self.max) / 2.0 {
            let right = found == hi.signum() * f64::INFINITY;
            return if right { 0.0 } else { f64::INFINITY };
        }
        if !found.is_finite() || !hi.is_finite() {
            return f64::INFINITY;
        }
        let error = ((found - hi) - lo).abs() / self.ulp(hi.abs().max(size));
        // `lo` is unknown where `hi` itself is rounded in the subnormal range.
        match self.bits == 53 && hi.abs() < f64::MIN_POSITIVE {
            true => (error - 0.5).max(0.0),
            false => error,
        }
    }
}

/// The largest and the mean error of everything that was measured under one name.
#[derive(Default)]
pub struct Errors {
    pub max: f64,
    sum: f64,
    count: usize,
    worst: String,
}

impl Errors {
    pub fn mean(&self) -> f64 {
        self.sum / self.count.max(1) as f64
    }
}

/// Errors by op and quantity.
pub struct Table {
    pub format: Format,
    rows: BTreeMap<String, Errors>,
}

impl Table {
    pub fn new(format: Format) -> Self {
        Self {
            format,
            rows: BTreeMap::new(),
        }
    }

    /// Measures a result against its exact value.
    pub fn measure<T: Elem>(
        &mut self,
        name: &str,
        id: &str,
        y: &Tensor<T>,
        exact: &Exact,
        unit: Unit,
    ) {
        assert_eq!(y.shape().to_vec(), exact.shape, "{id}: {name}");
        let sizes = match unit {
            Unit::Result => &[][..],
            Unit::Centred => &exact.cscale,
            Unit::Scale => &exact.scale,
        };
        self.measure_at(name, id, y.data(), exact, sizes);
    }

    /// Measures numbers against an exact value, in ulps of given sizes.
    pub fn measure_at<T: Elem>(
        &mut self,
        name: &str,
        id: &str,
        y: &[T],
        exact: &Exact,
        sizes: &[f64],
    ) {
        assert_eq!(y.len(), exact.hi.len(), "{id}: {name}");
        for (k, (y, &hi)) in y.iter().zip(&exact.hi).enumerate() {
            let lo = exact.lo.get(k).copied().unwrap_or(0.0);
            let size = sizes.get(k).copied().unwrap_or(0.0);
            let error = self.format.distance(y.primal(), hi, lo, size);
            self.add(name, error, || {
                format!("{id}[{k}]: {:e}, exact {hi:e}", y.primal())
            });
        }
    }

    fn add(&mut self, name: &str, error: f64, place: impl FnOnce() -> String) {
        let row = self.rows.entry(name.to_string()).or_default();
        row.sum += error;
        row.count += 1;
        if error > row.max || error.is_nan() || row.worst.is_empty() {
            row.max = error;
            row.worst = place();
        }
    }

    /// The largest and the mean error of a row.
    pub fn figure(&self, name: &str) -> (f64, f64) {
        let row = &self.rows[name];
        (row.max, row.mean())
    }

    /// Prints the table, and checks every row against its goals for maximum and mean.
    pub fn judge(&self, goals: &[(&str, f64, f64)]) {
        let mut missed = Vec::new();
        println!(
            "{:4} {:28} {:>8} {:>7} {:>7}  worst at",
            "", "", "max", "mean", "count"
        );
        for (name, row) in &self.rows {
            println!(
                "{} {name:28} {:8.3} {:7.3} {:7}  {}",
                self.format.name,
                row.max,
                row.mean(),
                row.count,
                row.worst
            );
            let goal = goals.iter().find(|goal| goal.0 == name);
            let none = ("no goal", -1.0, -1.0);
            let goal = goal.unwrap_or(&none);
            if !(row.max <= goal.1 && row.mean() <= goal.2) {
                missed.push(format!(
                    "{name}: {:.3} ({:.3}), goal {:?}",
                    row.max,
                    row.mean(),
                    goal
                ));
            }
        }
        assert!(missed.is_empty(), "{}: {missed:#?}", self.format.name);
    }
}
