//! Who called the engine.

use std::sync::Arc;

use crate::error::Error;
use crate::market::MarketData;
use crate::strategy::Interpreter;
use crate::trader::Remote;

use super::config::Config;
use super::wiring::Core;

/// Who called the engine, and may want to hear of it while it runs.
pub trait Host {
    /// Called now and then with the share of the run that is done; `false` ends the run.
    fn poll(&self, share_done: f64) -> bool;

    /// Runs `work`, which waits for other threads, without holding what they may need.
    fn detached(&self, work: &mut (dyn FnMut() + Send));

    /// Called now and then while the driver waits for calls into an interpreter; `false` ends the run.
    fn goes_on(&self) -> bool {
        true
    }

    /// The interpreter of strategies that belong to one.
    fn interpreter(&self) -> Option<Arc<dyn Interpreter>> {
        None
    }

    /// Called when a live run has all that it needs and has made again what its journal has, just before its first step that
    /// is new; it may be called more than once. A run that ends before that never calls it.
    fn caught_up(&self) {}

    /// Starts the strategies of the process lane of a run on recorded data; `None` where there is no such lane.
    ///
    /// # Errors
    /// When they cannot be started.
    fn remote(
        &self,
        _config: &Config,
        _core: &Core,
        _data: &Arc<MarketData>,
    ) -> Result<Option<Box<dyn Remote>>, Error> {
        Ok(None)
    }
}

/// A caller that never interferes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unattended;

impl Host for Unattended {
    fn poll(&self, _share_done: f64) -> bool {
        true
    }

    fn detached(&self, work: &mut (dyn FnMut() + Send)) {
        work();
    }
}
