//! The process lane: ordinary Python classes in worker processes, each with its own interpreter and its share of the traders.
//!
//! The engine's side is `crew` (what the driver speaks to), `worker` (one of them, and what becomes of it when it dies),
//! `life` (one process; `standard` is what that finds around it) and `plan` (what a worker is given). The worker's side is
//! `serve`: it owns real traders, so that a strategy is called by the same code in every lane; `link` is its end of the memory they share, `confine` what it may not do,
//! `left` what its calls may not leave behind.
//! In between are `batch` and `answer`, written in the form of `wire` and `views` into the memory of `shared`.

mod answer;
mod batch;
mod confine;
mod crew;
mod error;
mod left;
mod life;
mod link;
mod plan;
mod serve;
mod shared;
mod standard;
mod start;
mod views;
mod wire;
mod worker;

pub(crate) use crew::crew;
pub(crate) use error::Travelled;
pub(crate) use left::{worker_forked, worker_set};
pub(crate) use life::duplicated;
pub(crate) use plan::Workers;
pub(crate) use serve::serve_worker;
