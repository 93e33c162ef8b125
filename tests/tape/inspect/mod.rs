//! What a tape tells about itself: births of NaN, mistakes, bytes.

mod diagnose;
mod ledger;
mod lint;
