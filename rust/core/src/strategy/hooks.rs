//! What a strategy is told besides market events.

use serde::{Deserialize, Serialize};

use crate::domain::Nanos;

use super::views::{FillView, OrderView, RefusalView};

/// A boundary of time that a strategy asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeEvent {
    /// When it is.
    pub ts: Nanos,
    /// What it is: `1d`, `1mo`, `midnight`, `market_open`, ...
    pub name: String,
}

/// Something that happened to a trader, told before its next events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Hook {
    /// The first of the trader's own events after the warm-up, or of the times it asked for, is about to come.
    Start,
    /// One of its orders was filled.
    Fill(FillView),
    /// One of its orders changed its status.
    Order(OrderView),
    /// One of its orders, or a part of it, was refused.
    Refused(RefusalView),
    /// A time it asked for has come.
    Time(TimeEvent),
    /// The run is over; orders are discarded.
    Stop,
}

impl Hook {
    /// The set that holds just this kind of hook.
    #[must_use]
    pub const fn kind(&self) -> Hooks {
        match self {
            Self::Start => Hooks::START,
            Self::Fill(_) => Hooks::FILL,
            Self::Order(_) => Hooks::ORDER,
            Self::Refused(_) => Hooks::REFUSED,
            Self::Time(_) => Hooks::TIME,
            Self::Stop => Hooks::STOP,
        }
    }
}

/// A set of hook kinds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hooks(u8);

impl Hooks {
    /// No hook.
    pub const NONE: Self = Self(0);
    /// `on_start`.
    pub const START: Self = Self(1);
    /// `on_fill`.
    pub const FILL: Self = Self(2);
    /// `on_order`.
    pub const ORDER: Self = Self(4);
    /// `on_refused`.
    pub const REFUSED: Self = Self(8);
    /// `on_time`.
    pub const TIME: Self = Self(16);
    /// `on_stop`.
    pub const STOP: Self = Self(32);

    /// Both sets together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether any of `other` is in the set.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The set as bits, to travel.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// The set of these bits.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits)
    }

    /// The kind of that method name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "on_start" => Some(Self::START),
            "on_fill" => Some(Self::FILL),
            "on_order" => Some(Self::ORDER),
            "on_refused" => Some(Self::REFUSED),
            "on_time" => Some(Self::TIME),
            "on_stop" => Some(Self::STOP),
            _ => None,
        }
    }
}
