//! The softmax family: rows in, rows and their statistics out.

pub(crate) mod plain;
pub(crate) mod plain_jvp;
pub(crate) mod plain_loss;
