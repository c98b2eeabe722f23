//! What the engine and the risk process say to each other.
//!
//! The engine greets with its version and is greeted. It then tells the account whole, in parts, and the process says what
//! it makes of it; from then on the engine tells changes and asks about orders, in the order in which they happened, and the process
//! answers each question. What the process says unasked is that its kill switch is set, and why it ends the connection.

use crate::domain::{HalfUnits, Liquidity, Lots, Nanos};
use crate::limits::{RISK_BATCH, RISK_NOTES_TOGETHER};
use crate::order::{Order, OrderId};
use crate::risk::Note;

use super::bytes::{In, Malformed, Out, Read};
use super::order::{MOST_LOTS, read_order, write_order};

/// Of the protocol. Two sides of different versions do not speak.
pub const VERSION: u32 = 3;

/// The first bytes of a greeting, so that a stranger is known.
const MAGIC: u64 = u64::from_le_bytes(*b"pairrisk");

/// Prices beyond this cannot be added up.
const MOST_PRICE: HalfUnits = HalfUnits::MAX / 8;

/// A fingerprint.
pub(crate) type Digest = [u8; 32];

/// An order that is asked about.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Question {
    /// What is to leave.
    pub order: Order,
    /// How much was asked for before it was cut.
    pub asked: Lots,
}

/// What the engine says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ToProcess {
    /// Who it is.
    Hello {
        /// The version that it speaks.
        version: u32,
        /// Its process.
        pid: u32,
    },
    /// A part of the account as it stands.
    Part {
        /// Whether it is the last one.
        last: bool,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// What has changed.
    Notes(Vec<Note>),
    /// May these leave?
    Ask {
        /// The number of the question.
        number: u64,
        /// The orders.
        orders: Vec<Question>,
    },
}

/// What the process says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ToEngine {
    /// It listens.
    Welcome {
        /// The version that it speaks.
        version: u32,
    },
    /// The account was taken in, and looks like that.
    Confirm(Digest),
    /// The word on each order: nothing, or the name of the check that refuses it.
    Answer {
        /// The number of the question.
        number: u64,
        /// By order.
        refused: Vec<Option<String>>,
    },
    /// Its kill switch is set.
    Killed,
    /// It ends the connection, and why.
    Sorry(String),
}

impl ToProcess {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut out = Out::default();
        match self {
            Self::Hello { version, pid } => {
                out.u8(0);
                out.u64(MAGIC);
                out.u32(*version);
                out.u32(*pid);
            }
            Self::Part { last, bytes } => {
                out.u8(1);
                out.flag(*last);
                out.0.extend_from_slice(bytes);
            }
            Self::Notes(notes) => {
                out.u8(2);
                out.count(notes.len());
                for note in notes {
                    write_note(&mut out, note);
                }
            }
            Self::Ask { number, orders } => {
                out.u8(3);
                out.u64(*number);
                out.count(orders.len());
                for question in orders {
                    write_order(&mut out, &question.order);
                    out.i64(question.asked);
                }
            }
        }
        out.0
    }

    pub(crate) fn read(bytes: &[u8]) -> Read<Self> {
        let mut from = In(bytes);
        let message = match from.u8("a message")? {
            0 => {
                if from.u64("a greeting")? != MAGIC {
                    return Err(Malformed("a greeting"));
                }
                let version = from.u32("a version")?;
                // What another version says behind that is not known.
                let pid = from.u32("a process").unwrap_or(0);
                return Ok(Self::Hello { version, pid });
            }
            1 => {
                let last = from.flag("a part of an account")?;
                let bytes = std::mem::take(&mut from.0).to_vec();
                Self::Part { last, bytes }
            }
            2 => {
                let notes = from.list("changes", read_note)?;
                if notes.len() > RISK_NOTES_TOGETHER {
                    return Err(Malformed("changes"));
                }
                Self::Notes(notes)
            }
            3 => {
                let number = from.u64("the number of a question")?;
                let orders = from.list("orders", |from| {
                    let order = read_order(from)?;
                    let asked = from.i64("a quantity")?;
                    if asked < order.lots || asked > MOST_LOTS {
                        return Err(Malformed("a quantity"));
                    }
                    Ok(Question { order, asked })
                })?;
                if orders.len() > RISK_BATCH {
                    return Err(Malformed("orders"));
                }
                Self::Ask { number, orders }
            }
            _ => return Err(Malformed("a message")),
        };
        from.end("a message")?;
        Ok(message)
    }
}

impl ToEngine {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut out = Out::default();
        match self {
            Self::Welcome { version } => {
                out.u8(0);
                out.u64(MAGIC);
                out.u32(*version);
            }
            Self::Confirm(digest) => {
                out.u8(1);
                out.0.extend_from_slice(digest);
            }
            Self::Answer { number, refused } => {
                out.u8(2);
                out.u64(*number);
                out.count(refused.len());
                for check in refused {
                    out.option(check.as_deref(), Out::text);
                }
            }
            Self::Killed => out.u8(3),
            Self::Sorry(why) => {
                out.u8(4);
                out.text(why);
            }
        }
        out.0
    }

    pub(crate) fn read(bytes: &[u8]) -> Read<Self> {
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
                let digest = Digest::try_from(from.0).map_err(|_| Malformed("a fingerprint"))?;
                return Ok(Self::Confirm(digest));
            }
            2 => Self::Answer {
                number: from.u64("the number of a question")?,
                refused: from.list("answers", |from| {
                    from.option("an answer", |from| from.text("a reason"))
                })?,
            },
            3 => Self::Killed,
            4 => Self::Sorry(from.text("a sentence")?),
            _ => return Err(Malformed("a message")),
        };
        from.end("a message")?;
        Ok(message)
    }
}

fn write_fill(
    out: &mut Out,
    (trader, order): (u32, OrderId),
    (ts, price): (Nanos, HalfUnits),
    liquidity: Liquidity,
) {
    out.u32(trader);
    out.u64(order);
    out.i64(ts);
    out.i64(price);
    out.flag(liquidity == Liquidity::Maker);
}

fn write_note(out: &mut Out, note: &Note) {
    match *note {
        Note::Seen {
            market,
            ts,
            mark,
            ask,
        } => {
            out.u8(0);
            out.u32(market);
            out.i64(ts);
            out.i64(mark);
            out.option(ask, Out::i64);
        }
        Note::Step { ts } => {
            out.u8(1);
            out.i64(ts);
        }
        Note::Leaving { trader, order } => write_which(out, 2, (trader, order)),
        Note::Ended { trader, order } => write_which(out, 3, (trader, order)),
        Note::Unsent { trader, order } => write_which(out, 9, (trader, order)),
        Note::Filled {
            trader,
            order,
            ts,
            price,
            liquidity,
        } => {
            out.u8(4);
            write_fill(out, (trader, order), (ts, price), liquidity);
        }
        Note::Settled {
            trader,
            order,
            ts,
            price,
            lots,
            liquidity,
        } => {
            out.u8(8);
            write_fill(out, (trader, order), (ts, price), liquidity);
            out.i64(lots);
        }
        Note::Liquidated { trader, ts, price } => {
            out.u8(5);
            out.u32(trader);
            out.i64(ts);
            out.i64(price);
        }
        Note::Enabled { trader } => {
            out.u8(6);
            out.u32(trader);
        }
        Note::Killed { set } => {
            out.u8(7);
            out.flag(set);
        }
    }
}

fn write_which(out: &mut Out, what: u8, (trader, order): (u32, OrderId)) {
    out.u8(what);
    out.u32(trader);
    out.u64(order);
}

/// A price that can be reckoned with.
pub(super) fn read_price(from: &mut In<'_>) -> Read<HalfUnits> {
    let price = from.i64("a price")?;
    if (-MOST_PRICE..=MOST_PRICE).contains(&price) {
        Ok(price)
    } else {
        Err(Malformed("a price"))
    }
}

fn read_liquidity(from: &mut In<'_>) -> Read<Liquidity> {
    Ok(if from.flag("liquidity")? {
        Liquidity::Maker
    } else {
        Liquidity::Taker
    })
}

/// How much was filled: nothing, where the cash covered none of it.
fn read_lots(from: &mut In<'_>) -> Read<Lots> {
    let lots = from.i64("a quantity")?;
    if (0..=MOST_LOTS).contains(&lots) {
        Ok(lots)
    } else {
        Err(Malformed("a quantity"))
    }
}

fn read_note(from: &mut In<'_>) -> Read<Note> {
    Ok(match from.u8("a change")? {
        0 => Note::Seen {
            market: from.u32("a market")?,
            ts: from.i64("a time")?,
            mark: read_price(from)?,
            ask: from.option("an ask", read_price)?,
        },
        1 => Note::Step {
            ts: from.i64("a time")?,
        },
        2 => Note::Leaving {
            trader: from.u32("a trader")?,
            order: from.u64("an order's number")?,
        },
        3 => Note::Ended {
            trader: from.u32("a trader")?,
            order: from.u64("an order's number")?,
        },
        4 => Note::Filled {
            trader: from.u32("a trader")?,
            order: from.u64("an order's number")?,
            ts: from.i64("a time")?,
            price: read_price(from)?,
            liquidity: read_liquidity(from)?,
        },
        5 => Note::Liquidated {
            trader: from.u32("a trader")?,
            ts: from.i64("a time")?,
            price: read_price(from)?,
        },
        6 => Note::Enabled {
            trader: from.u32("a trader")?,
        },
        7 => Note::Killed {
            set: from.flag("the kill switch")?,
        },
        8 => Note::Settled {
            trader: from.u32("a trader")?,
            order: from.u64("an order's number")?,
            ts: from.i64("a time")?,
            price: read_price(from)?,
            liquidity: read_liquidity(from)?,
            lots: read_lots(from)?,
        },
        9 => Note::Unsent {
            trader: from.u32("a trader")?,
            order: from.u64("an order's number")?,
        },
        _ => return Err(Malformed("a change")),
    })
}
