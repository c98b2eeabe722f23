//! The settings of a live run.

use std::sync::Arc;
use std::time::Duration;

use flume::{Receiver, Sender};

use crate::engine::{RunOptions, TraderConfig};
use crate::guard::RiskLink;
use crate::limits::STEP_LIMIT;
use crate::market::MarketData;
use crate::market::synthetic::SyntheticFeed;
use crate::strategy::Interpreter;

use super::actor::Factory;
use super::apart::BrokerLink;
use super::broker::{Broker, Report};
use super::event::Batch;
use super::faults::FaultSpec;
use super::reconcile::ReconcileSpec;

/// Where market events come from.
pub enum Feed {
    /// Recorded data, on their own clock.
    Recorded(Arc<MarketData>),
    /// Synthetic markets in real time, so many events a second from each. The data name them and have no rows.
    Synthetic {
        /// The markets, in the feed's order.
        markets: Arc<MarketData>,
        /// What makes the events.
        feed: SyntheticFeed,
        /// Events of each market in a second.
        rate: f64,
    },
    /// Whatever sends batches, in real time. The data name the markets and have no rows.
    Channel {
        /// The markets; an event names one by its position among those traded.
        markets: Arc<MarketData>,
        /// Where the batches come from.
        batches: Receiver<Batch>,
    },
}

impl Feed {
    /// The markets that it names.
    #[must_use]
    pub const fn data(&self) -> &Arc<MarketData> {
        match self {
            Self::Recorded(data) => data,
            Self::Synthetic { markets, .. } | Self::Channel { markets, .. } => markets,
        }
    }

    /// Whether it runs on its own clock.
    #[must_use]
    pub const fn is_recorded(&self) -> bool {
        matches!(self, Self::Recorded(_))
    }
}

/// Makes a broker that tells what becomes of orders through the channel.
pub type BrokerMaker = Box<dyn FnOnce(Sender<Report>) -> Arc<dyn Broker> + Send>;

/// The settings of a live run.
pub struct LiveOptions {
    /// Start and end of recorded data.
    pub run: RunOptions,
    /// How many times as fast as it was recorded a recorded feed goes; as fast as it is read when not given.
    pub speed: Option<f64>,
    /// After how long the run ends.
    pub duration: Option<Duration>,
    /// How much later than it happened the paper broker tells a fill.
    pub fill_delay: Duration,
    /// How long a step in real time waits for its evaluations.
    pub step_limit: Duration,
    /// The broker; the paper broker when not given.
    pub broker: Option<BrokerMaker>,
    /// What goes wrong between the engine and the paper broker, where anything shall.
    pub faults: Option<FaultSpec>,
    /// How the engine compares itself with a venue that answers questions. Where it is given the paper broker does.
    pub reconcile: Option<ReconcileSpec>,
    /// Where the process listens that the paper broker lives in; it lives in this one when not given.
    pub apart: Option<BrokerLink>,
    /// The risk process, without whose word no order leaves; none when not given.
    pub risk: Option<RiskLink>,
}

impl LiveOptions {
    /// Why no snapshots can be taken of such a run on recorded data, where they cannot.
    #[must_use]
    pub fn why_no_snapshots(&self, workers: bool) -> Option<&'static str> {
        if workers {
            Some("traders are evaluated in worker processes")
        } else if self.risk.is_some() {
            Some("orders wait for the word of a risk process")
        } else if self.apart.is_some() {
            Some("the paper broker lives in a process of its own")
        } else if self.faults.is_some() || self.reconcile.is_some() {
            Some("messages are on their way between engine and venue")
        } else if self.broker.is_some() || !self.fill_delay.is_zero() {
            Some("the broker is not the paper broker, or it tells fills late")
        } else {
            None
        }
    }
}

impl Default for LiveOptions {
    fn default() -> Self {
        Self {
            run: RunOptions::default(),
            speed: None,
            duration: None,
            fill_delay: Duration::ZERO,
            step_limit: STEP_LIMIT,
            broker: None,
            faults: None,
            reconcile: None,
            apart: None,
            risk: None,
        }
    }
}

/// The traders of a live run, and what those that are Python classes need.
pub struct Cast {
    /// The traders.
    pub traders: Vec<TraderConfig>,
    /// What makes their strategies anew, by trader; who has none, or is beyond the end, cannot be restarted.
    pub factories: Vec<Option<Factory>>,
    /// The interpreter.
    pub interpreter: Arc<dyn Interpreter>,
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn each_reason_for_no_snapshots_is_named() {
        let plain = LiveOptions::default();
        assert_eq!(plain.why_no_snapshots(false), None);
        let named = |options: LiveOptions, word| {
            let why = options.why_no_snapshots(false).unwrap();
            assert!(why.contains(word), "{why}");
        };
        assert!(
            plain
                .why_no_snapshots(true)
                .unwrap()
                .contains("worker processes")
        );
        let apart = BrokerLink {
            path: "b.sock".into(),
        };
        named(
            LiveOptions {
                apart: Some(apart),
                ..LiveOptions::default()
            },
            "a process of its own",
        );
        named(
            LiveOptions {
                faults: Some(FaultSpec::default()),
                ..LiveOptions::default()
            },
            "between engine and venue",
        );
        named(
            LiveOptions {
                fill_delay: Duration::from_nanos(1),
                ..LiveOptions::default()
            },
            "fills late",
        );
    }
}
