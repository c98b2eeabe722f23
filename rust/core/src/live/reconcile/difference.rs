//! What differs between the engine and the venue, and what follows from it.

use std::collections::BTreeSet;

use crate::domain::{Lots, Money};
use crate::live::broker::Standing;
use crate::order::OrderId;

use super::book::Book;

/// What the engine believes that its account holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::live) struct Held {
    /// The position in each market.
    pub positions: Vec<Lots>,
    pub cash: Money,
}

/// Something that differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::live) enum Said {
    /// The position of a market: here and at the venue.
    Position {
        market: u32,
        here: Lots,
        there: Lots,
    },
    /// The cash: by how much the venue has more.
    Cash { more: Money },
    /// A fill of an order that had ended here.
    LateFill { market: Option<u32>, order: OrderId },
    /// An order that the venue had taken and has no more, without a word.
    Vanished { market: u32, order: OrderId },
    /// The venue told of an order under a trader that it is not of.
    Misnamed { market: Option<u32>, order: OrderId },
    /// An order of ours that only the venue has.
    Unknown { market: u32, order: OrderId },
    /// An order that is not ours; of no market where this run has not the one that the venue names.
    Foreign { market: Option<u32>, lots: Lots },
    /// The run ended before the venue told of an order, or of the account.
    Unsettled {
        market: Option<u32>,
        order: Option<OrderId>,
    },
}

impl Said {
    /// The word for it.
    pub(super) const fn kind(self) -> &'static str {
        match self {
            Self::Position { .. } => "position",
            Self::Cash { .. } => "cash",
            Self::LateFill { .. } => "late_fill",
            Self::Vanished { .. } => "vanished_order",
            Self::Misnamed { .. } => "misnamed_order",
            Self::Unknown { .. } => "unknown_order",
            Self::Foreign { .. } => "foreign_order",
            Self::Unsettled { .. } => "unsettled",
        }
    }

    /// The market, where it is of one.
    pub(super) const fn market(self) -> Option<u32> {
        match self {
            Self::Position { market, .. }
            | Self::Vanished { market, .. }
            | Self::Unknown { market, .. } => Some(market),
            Self::LateFill { market, .. }
            | Self::Misnamed { market, .. }
            | Self::Foreign { market, .. }
            | Self::Unsettled { market, .. } => market,
            Self::Cash { .. } => None,
        }
    }

    /// The same for what is the same difference: a position that differs by as much as before is no news when it is
    /// made smaller at both ends.
    fn key(self) -> Self {
        match self {
            Self::Position {
                market,
                here,
                there,
            } => Self::Position {
                market,
                here: 0,
                there: there.saturating_sub(here),
            },
            other => other,
        }
    }

    /// Whether nobody can explain it, so that its pair is halted: all pairs, where it is of none.
    pub(super) const fn halts(self) -> bool {
        !matches!(self, Self::Unknown { .. } | Self::Foreign { .. })
    }
}

/// What a comparison came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::live) struct Compared {
    /// What is new of what differs.
    pub news: Vec<Said>,
    /// Orders of ours that only the venue has.
    pub unknown: Vec<(u32, OrderId)>,
}

impl Book {
    /// Compares the last answer, whose executions have been applied, with what is held here. None where there is no
    /// answer to compare.
    pub(in crate::live) fn compare(
        &mut self,
        held: &Held,
        market_of: impl Fn(OrderId) -> Option<u32>,
    ) -> Option<Compared> {
        let answer = self.answer.take()?;
        // What came behind it in the same step may be news to it.
        if self.is_old(&answer) {
            return None;
        }
        self.counts.compared += 1;
        let mut found: Vec<Said> = Vec::new();
        for execution in self.late.drain(..) {
            let order = execution.order;
            let market = market_of(order);
            found.push(Said::LateFill { market, order });
        }
        for (order, sent) in self.vanished.drain(..) {
            let market = sent.market;
            found.push(Said::Vanished { market, order });
        }
        for (order, market) in self.misnamed.drain(..) {
            let market = Some(market);
            found.push(Said::Misnamed { market, order });
        }
        let mut compared = Compared::default();
        let markets = held.positions.len();
        self.compare_orders(&answer, markets, &mut found, &mut compared.unknown);
        let positions = held.positions.iter().zip(&answer.positions);
        for (market, (&here, &there)) in (0..).zip(positions) {
            if here != there {
                found.push(Said::Position {
                    market,
                    here,
                    there,
                });
            }
        }
        let news = found.iter().filter(|said| !self.said.contains(&said.key()));
        compared.news.extend(news);
        let keys: BTreeSet<Said> = found.into_iter().map(Said::key).collect();
        // What a position lacks the cash lacks, too, and where one differs no more the venue has traded it away: a difference
        // in it is news by itself only where no position's comes or goes.
        let more = answer.cash.saturating_sub(held.cash);
        let gone = |said: &Said| matches!(said, Said::Position { .. }) && !keys.contains(said);
        let explained = compared.news.iter().any(|said| said.halts()) || self.said.iter().any(gone);
        if more != 0 && more != self.cash_off && !explained {
            compared.news.push(Said::Cash { more });
        }
        self.cash_off = more;
        self.said = keys;
        self.agreed = true;
        Some(compared)
    }

    fn compare_orders(
        &self,
        answer: &Standing,
        markets: usize,
        found: &mut Vec<Said>,
        unknown: &mut Vec<(u32, OrderId)>,
    ) {
        for open in &answer.open {
            let (market, lots) = (open.market, open.lots);
            // A market that this run does not have is nobody's here, whatever the order is called.
            let known = usize::try_from(market).is_ok_and(|market| market < markets);
            match open.order.filter(|_| known) {
                None => {
                    let market = known.then_some(market);
                    found.push(Said::Foreign { market, lots });
                }
                Some(order) if !self.open.contains_key(&order) => {
                    found.push(Said::Unknown { market, order });
                    unknown.push((market, order));
                }
                Some(_) => {}
            }
        }
    }

    /// A person lets a halted pair go on: what still differs there is news again, to an answer that is asked for from now on.
    /// A difference in cash is no pair's. Who lets one go on has seen it, so it is news when it changes.
    pub(in crate::live) fn forget(&mut self, market: u32) {
        self.said
            .retain(|said| said.market().is_some_and(|of| of != market));
        self.ask_anew();
    }
}
