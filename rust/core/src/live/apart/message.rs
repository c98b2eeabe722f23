//! What the engine and the paper broker's process say to each other.
//!
//! The engine greets and describes its markets; the process opens its books and tells which orders of before they have. From
//! then on each message of the engine has one answer, in one or more parts.

use crate::domain::Nanos;
use crate::limits::{APART_MARKETS, APART_ORDERS};
use crate::market::MarketEvent;
use crate::order::{Order, OrderId};
use crate::venue::{Execution, VenueConfig};
use crate::wire::Malformed;
use crate::wire::bytes::{In, Out, Read};
use crate::wire::order::{read_order, write_order};

use super::super::desk::Open;
use super::values::{
    Listed, read_event, read_execution, read_market, read_open, read_settings, write_event,
    write_execution, write_market, write_open, write_settings,
};

/// Of the protocol. Two sides of different versions do not speak.
pub const VERSION: u32 = 1;

/// The first bytes of a greeting, so that a stranger is known.
const MAGIC: u64 = u64::from_le_bytes(*b"pairbrok");

/// What the engine says first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hello {
    /// The version that it speaks.
    pub version: u32,
    /// Its process.
    pub pid: u32,
    /// What tells its run from others, and the last order that its journal has; none where it keeps no journal.
    pub journal: Option<(String, OrderId)>,
    /// Whether its markets are recorded: then each phase is written before it is answered.
    pub recorded: bool,
}

/// What the engine says.
#[derive(Clone, Debug)]
pub(super) enum ToBroker {
    Hello(Hello),
    /// Some of its markets, and with the last of them the settings of the venue.
    Markets {
        settings: Option<VenueConfig>,
        markets: Vec<Listed>,
    },
    Submit {
        order: Order,
        open: Open,
    },
    /// An order of before, and whether it may never have left.
    Restore {
        order: Order,
        newest: bool,
        open: Open,
    },
    Cancel {
        market: u32,
        order: OrderId,
    },
    /// Some events of phase 1; `last` asks for the answer.
    Events {
        now: Nanos,
        last: bool,
        arrivals: bool,
        events: Vec<(u32, MarketEvent)>,
    },
    Immediate(Nanos),
    Opens(Nanos),
}

/// What the process says.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum ToEngine {
    Welcome {
        version: u32,
    },
    /// Some of the orders of before that the books have.
    Left {
        last: bool,
        orders: Vec<OrderId>,
    },
    /// The order is taken, or why it is refused.
    Taken(Option<String>),
    /// Whose the order was that was taken back; none where it did not work any more.
    Back(Option<u32>),
    /// Some of what happened in a phase.
    Heard {
        last: bool,
        next_wake: Option<Nanos>,
        executions: Vec<Execution>,
    },
    /// The books failed, or contradict what the engine says.
    Failed {
        code: String,
        message: String,
    },
}

impl Hello {
    fn write(&self, out: &mut Out) {
        out.u64(MAGIC);
        out.u32(self.version);
        out.u32(self.pid);
        out.option(self.journal.as_ref(), |out, (key, last)| {
            out.text(key);
            out.u64(*last);
        });
        out.flag(self.recorded);
    }

    fn read(from: &mut In<'_>) -> Read<Self> {
        if from.u64("a greeting")? != MAGIC {
            return Err(Malformed("a greeting"));
        }
        let version = from.u32("a version")?;
        let pid = from.u32("a process").unwrap_or(0);
        if version != VERSION {
            // What another version says behind that is not known.
            from.0 = &[];
            return Ok(Self {
                version,
                pid,
                journal: None,
                recorded: false,
            });
        }
        Ok(Self {
            version,
            pid,
            journal: from.option("a run", |from| {
                Ok((from.text("a run")?, from.u64("an order's number")?))
            })?,
            recorded: from.flag("a greeting")?,
        })
    }
}

/// Some events of phase 1, of which `write` writes `count`.
pub(super) fn events(
    now: Nanos,
    (last, arrivals): (bool, bool),
    count: usize,
    write: impl FnOnce(&mut Out),
) -> Vec<u8> {
    let mut out = Out::default();
    out.u8(5);
    out.i64(now);
    out.flag(last);
    out.flag(arrivals);
    out.count(count);
    write(&mut out);
    out.0
}

impl ToBroker {
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut out = Out::default();
        match self {
            Self::Hello(hello) => {
                out.u8(0);
                hello.write(&mut out);
            }
            Self::Markets { settings, markets } => {
                out.u8(1);
                out.option(*settings, write_settings);
                out.count(markets.len());
                for market in markets {
                    write_market(&mut out, market);
                }
            }
            Self::Submit { order, open } => {
                out.u8(2);
                write_order(&mut out, order);
                write_open(&mut out, *open);
            }
            Self::Restore {
                order,
                newest,
                open,
            } => {
                out.u8(3);
                write_order(&mut out, order);
                out.flag(*newest);
                write_open(&mut out, *open);
            }
            Self::Cancel { market, order } => {
                out.u8(4);
                out.u32(*market);
                out.u64(*order);
            }
            Self::Events {
                now,
                last,
                arrivals,
                events: these,
            } => {
                return events(*now, (*last, *arrivals), these.len(), |out| {
                    for (market, event) in these {
                        write_event(out, *market, &event.view());
                    }
                });
            }
            Self::Immediate(now) => {
                out.u8(6);
                out.i64(*now);
            }
            Self::Opens(now) => {
                out.u8(7);
                out.i64(*now);
            }
        }
        out.0
    }

    pub(super) fn read(bytes: &[u8]) -> Read<Self> {
        let mut from = In(bytes);
        let message = match from.u8("a message")? {
            0 => Self::Hello(Hello::read(&mut from)?),
            1 => {
                let settings = from.option("a venue", read_settings)?;
                let markets = from.list("markets", read_market)?;
                if markets.len() > APART_MARKETS {
                    return Err(Malformed("markets"));
                }
                Self::Markets { settings, markets }
            }
            2 => Self::Submit {
                order: read_order(&mut from)?,
                open: read_open(&mut from)?,
            },
            3 => Self::Restore {
                order: read_order(&mut from)?,
                newest: from.flag("an order of before")?,
                open: read_open(&mut from)?,
            },
            4 => Self::Cancel {
                market: from.u32("a market")?,
                order: from.u64("an order's number")?,
            },
            5 => Self::Events {
                now: from.i64("a time")?,
                last: from.flag("a phase")?,
                arrivals: from.flag("a phase")?,
                events: from.list("events", read_event)?,
            },
            6 => Self::Immediate(from.i64("a time")?),
            7 => Self::Opens(from.i64("a time")?),
            _ => return Err(Malformed("a message")),
        };
        from.end("a message")?;
        Ok(message)
    }
}

impl ToEngine {
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut out = Out::default();
        match self {
            Self::Welcome { version } => {
                out.u8(0);
                out.u64(MAGIC);
                out.u32(*version);
            }
            Self::Left { last, orders } => {
                out.u8(1);
                out.flag(*last);
                out.count(orders.len());
                for order in orders {
                    out.u64(*order);
                }
            }
            Self::Taken(refused) => {
                out.u8(2);
                out.option(refused.as_deref(), Out::text);
            }
            Self::Back(owner) => {
                out.u8(3);
                out.option(*owner, Out::u32);
            }
            Self::Heard {
                last,
                next_wake,
                executions,
            } => {
                out.u8(4);
                out.flag(*last);
                out.option(*next_wake, Out::i64);
                out.count(executions.len());
                for execution in executions {
                    write_execution(&mut out, execution);
                }
            }
            Self::Failed { code, message } => {
                out.u8(5);
                out.text(code);
                out.text(message);
            }
        }
        out.0
    }

    pub(super) fn read(bytes: &[u8]) -> Read<Self> {
        let mut from = In(bytes);
        let message = match from.u8("a message")? {
            0 => {
                if from.u64("a greeting")? != MAGIC {
                    return Err(Malformed("a greeting"));
                }
                return Ok(Self::Welcome {
                    version: from.u32("a version")?,
                });
            }
            1 => {
                let last = from.flag("orders")?;
                let orders = from.list("orders", |from| from.u64("an order's number"))?;
                if orders.len() > APART_ORDERS {
                    return Err(Malformed("orders"));
                }
                Self::Left { last, orders }
            }
            2 => Self::Taken(from.option("a refusal", |from| from.text("a refusal"))?),
            3 => Self::Back(from.option("a trader", |from| from.u32("a trader"))?),
            4 => Self::Heard {
                last: from.flag("a phase")?,
                next_wake: from.option("a time", |from| from.i64("a time"))?,
                executions: from.list("executions", read_execution)?,
            },
            5 => Self::Failed {
                code: from.text("an error")?,
                message: from.text("an error")?,
            },
            _ => return Err(Malformed("a message")),
        };
        from.end("a message")?;
        Ok(message)
    }
}
