//! The feature `serde`: tensors that are saved and loaded, and the ledger as JSON.

use serde_json::{Value, from_str, from_value, json, to_string, to_value};
use wengert::{Dual, Elem, Random, Tape, Tensor};

#[test]
fn a_ledger_serializes_with_the_names_of_its_fields() {
    let tape = Tape::new();
    let x = tape.var(Tensor::from([[1.0, 2.0]]));
    let _ = x.softmax(1).vjp(Tensor::ones([1, 2]));
    let json = to_value(tape.ledger()).unwrap();
    let softmax = json!({
        "op": "softmax",
        "nodes": 1,
        "values": 16,
        "residuals": 4,
        "keeps": {"inputs": false, "output": true, "residual": true},
        "why": "gx_i = y_i ((g_i - c) - Σ_j (g_j - c) y_j), c = g at the maximum, whose place is kept",
        "unread": 0,
        "saved": {"nodes": 4, "bytes": 52},
    });
    assert_eq!(json["rows"][1], softmax);
    assert_eq!(json["bytes"], 36);
    assert_eq!(json["walk"]["pullbacks"], 1);
}

/// Numbers with all bits in use, from the smallest to the largest, and both zeros.
fn numbers<T: Elem>(extremes: [T; 6]) -> Tensor<T> {
    let random: Tensor<T> = Random::new(3).normal([2000], 0.0, 1.0);
    let scale = |k: usize| T::of(10.0).powi(k as i32 % 60 - 30);
    let scaled = random.iter().enumerate().map(|(k, &x)| x * scale(k));
    scaled.chain(extremes).collect()
}

macro_rules! returns_with_all_bits {
    ($($name:ident: $t:ty)*) => {$(
        #[test]
        fn $name() {
            let least = <$t>::from_bits(1);
            let x = numbers([0.0, -0.0, <$t>::MAX, <$t>::MIN, <$t>::MIN_POSITIVE, least]);
            let x = x.reshape([2, 17, 59]);
            let text: Tensor<$t> = from_str(&to_string(&x).unwrap()).unwrap();
            let value: Tensor<$t> = from_value(to_value(&x).unwrap()).unwrap();
            for back in [text, value] {
                assert_eq!(back.shape(), x.shape());
                assert!(back.iter().zip(&x).all(|(a, b)| a.to_bits() == b.to_bits()));
            }
        }
    )*};
}

returns_with_all_bits! {
    a_tensor_of_f32_returns_with_all_bits: f32
    a_tensor_of_f64_returns_with_all_bits: f64
}

#[test]
fn a_tensor_is_a_shape_and_its_elements_in_order() {
    let x = Tensor::from([[1.0, 2.0, 3.0], [4.0, 5.0, 6.5]]);
    let text = r#"{"shape":[2,3],"data":[1.0,2.0,3.0,4.0,5.0,6.5]}"#;
    assert_eq!(to_string(&x).unwrap(), text);
    assert_eq!(from_str::<Tensor<f64>>(text).unwrap(), x);
    let part = json!({"shape": [1, 3], "data": [4.0, 5.0, 6.5]});
    assert_eq!(to_value(x.slice(1..)).unwrap(), part);
}

#[test]
fn shapes_without_axes_or_elements_return() {
    for shape in [&[][..], &[0], &[3, 0, 2], &[1, 1, 1, 1, 1, 1]] {
        let x = Tensor::<f64>::ones(shape);
        let back: Tensor<f64> = from_str(&to_string(&x).unwrap()).unwrap();
        assert_eq!((back.shape(), &back), (x.shape(), &x));
    }
    assert_eq!(
        to_value(Tensor::scalar(0.5)).unwrap(),
        json!({"shape": [], "data": [0.5]})
    );
}

#[test]
fn labels_masks_and_dual_numbers_are_elements_too() {
    let labels = Tensor::from([[0_usize, usize::MAX], [2, 3]]);
    assert_eq!(
        from_value::<Tensor<usize>>(to_value(&labels).unwrap()).unwrap(),
        labels
    );
    let mask = Tensor::from([true, false]);
    assert_eq!(
        from_value::<Tensor<bool>>(to_value(&mask).unwrap()).unwrap(),
        mask
    );
    let dual = Tensor::scalar(Dual::new(1.0, -2.0));
    let saved = to_value(&dual).unwrap();
    assert_eq!(saved["data"], json!([{"primal": 1.0, "tangent": -2.0}]));
    assert_eq!(
        from_value::<Tensor<Dual<f64>>>(saved).unwrap()[[]].tangent,
        -2.0
    );
}

#[cfg(feature = "half")]
#[test]
fn half_precision_returns_with_all_bits() {
    use half::{bf16, f16};

    // All there are, among them NaN and infinities, which 16 bits hold in JSON, too.
    let x: Tensor<bf16> = (0..=u16::MAX).map(bf16::from_bits).collect();
    let y: Tensor<f16> = (0..=u16::MAX).map(f16::from_bits).collect();
    let x_back: Tensor<bf16> = from_str(&to_string(&x).unwrap()).unwrap();
    let y_back: Tensor<f16> = from_str(&to_string(&y).unwrap()).unwrap();
    assert!(
        x_back
            .iter()
            .zip(&x)
            .all(|(a, b)| a.to_bits() == b.to_bits())
    );
    assert!(
        y_back
            .iter()
            .zip(&y)
            .all(|(a, b)| a.to_bits() == b.to_bits())
    );
}

#[test]
fn what_is_no_tensor_is_refused_with_both_numbers() {
    let refused = |value: Value| from_value::<Tensor<f64>>(value).unwrap_err().to_string();
    assert_eq!(
        refused(json!({"shape": [2, 3], "data": [1.0, 2.0]})),
        "deserialize: 2 elements do not fill shape [2, 3], which holds 6"
    );
    assert_eq!(
        refused(json!({"shape": [], "data": []})),
        "deserialize: 0 elements do not fill shape [], which holds 1"
    );
    // The product wraps to 2, which is how many elements there are.
    assert_eq!(
        refused(json!({"shape": [(1_u64 << 63) + 1, 2], "data": [1.0, 2.0]})),
        "deserialize: 2 elements do not fill shape [9223372036854775809, 2], which does not fit into any memory"
    );
    assert_eq!(
        refused(json!({"shape": [u64::MAX, 2, 0], "data": []})),
        "deserialize: 0 elements do not fill shape [18446744073709551615, 2, 0], which does not fit into any memory"
    );
    assert_eq!(refused(json!({"data": [1.0]})), "missing field `shape`");
    assert!(refused(json!({"shape": [-1], "data": [1.0]})).contains("-1"));
}

#[test]
fn json_has_no_number_for_what_is_not_finite() {
    let x = Tensor::from([1.0, f64::NAN, f64::INFINITY]);
    let saved = to_string(&x).unwrap();
    assert_eq!(saved, r#"{"shape":[3],"data":[1.0,null,null]}"#);
    assert!(from_str::<Tensor<f64>>(&saved).is_err());
}
