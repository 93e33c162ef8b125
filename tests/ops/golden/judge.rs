//! Tensor ops on every level of kernels against exact results.

use std::collections::BTreeMap;

use crate::records::{self, Apply, Orders, Record};
use crate::sweep;
use wengert::{Dd, Dual, Elem, Level, Tensor};

/// What is demanded of a list of records.
pub struct Judge {
    /// The number of ops and of records.
    pub count: (usize, usize),
    /// How far an op may be off in value, gradient and second order: in ulps of the largest number of each exact
    /// tensor, since a sum that cancels is not good to ulps of its own.
    pub bounds: fn(op: &str) -> [f64; 3],
}

impl Judge {
    /// In `f64`, by the results in the files.
    pub fn by_golden(&self, records: &[Record], op: &impl Apply) {
        self.judge("f64", records, |r| evaluate::<f64>(r, op), Record::exact);
    }

    /// In `f32`, at inputs that are rounded to it, by the same op on double-double numbers.
    pub fn by_double_double(&self, records: Vec<Record>, op: &impl Apply) {
        let records: Vec<_> = records.into_iter().map(Record::rounded).collect();
        let exact = |r: &Record| records::evaluate_in::<Dd>(r, op);
        self.judge("f32", &records, |r| evaluate::<f32>(r, op), exact);
    }

    /// The judge of `f32` itself, by the results in the files.
    pub fn of_double_double(&self, records: &[Record], op: &impl Apply) {
        let rounded = |r: &Record| {
            let found = records::evaluate_in::<Dd>(r, op);
            let found = found.map(|list| list.iter().map(|x| x.map(Elem::primal)).collect());
            vec![found]
        };
        self.judge::<f64>("Dd", records, rounded, Record::exact);
    }

    /// Prints the largest errors of every op over all levels, and panics if one is too large.
    fn judge<T: Elem<Wide = Dd>>(
        &self,
        element: &str,
        records: &[Record],
        found: impl Fn(&Record) -> Vec<Orders<T>>,
        exact: impl Fn(&Record) -> Orders<Dd>,
    ) {
        let mut table: BTreeMap<&str, (usize, [f64; 3])> = BTreeMap::new();
        let mut wrong = Vec::new();
        for record in records {
            let exact = exact(record);
            let row = table.entry(&record.op).or_default();
            row.0 += 1;
            let bounds = (self.bounds)(&record.op);
            for level in Level::all() {
                for found in level.force(|| found(record)) {
                    for order in 0..3 {
                        let error = worst(&found[order], &exact[order]);
                        row.1[order] = row.1[order].max(error);
                        if error.is_nan() || error > bounds[order] {
                            let id = &record.id;
                            wrong.push(format!("{id}, {level}, order {order}: {error:.2} ulps"));
                        }
                    }
                }
            }
        }
        println!("     op, records                      value  gradient  second order  (max ulps)");
        for (op, (count, [value, gradient, second])) in &table {
            println!(
                "{element:<4} {op:<29} {count:>2} {value:>6.2} {gradient:>9.2} {second:>13.2}"
            );
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        let count = table.values().map(|row| row.0).sum();
        assert_eq!((table.len(), count), self.count, "ops and records");
    }
}

/// What the tape gives for a record, and what the primals of dual numbers are there.
fn evaluate<T: Elem>(record: &Record, op: &impl Apply) -> Vec<Orders<T>> {
    let real = records::evaluate_in::<T>(record, op);
    let (y, grads) = records::differentiate(record, op, |x, v| Dual::new(T::of(x), T::of(v)));
    let primal = |x: &Tensor<Dual<T>>| x.map(|x| x.primal);
    let grads = grads.iter().map(primal).collect();
    let dual = [vec![primal(&y)], grads, real[2].clone()];
    vec![real, dual]
}

/// The largest error of several tensors, each in ulps of its largest exact number.
fn worst<T: Elem>(found: &[Tensor<T>], exact: &[Tensor<T::Wide>]) -> f64 {
    assert_eq!(found.len(), exact.len());
    let each = found.iter().zip(exact).map(|(found, exact)| {
        assert_eq!(found.shape(), exact.shape());
        let largest = exact.iter().map(|x| x.primal().abs()).fold(0.0, f64::max);
        let pairs = found.iter().zip(exact.iter());
        let errors = pairs.map(|(&found, &exact)| sweep::distance(found, exact, largest));
        errors.fold(0.0, |worst: f64, error| worst.max(error))
    });
    each.fold(0.0, f64::max)
}
