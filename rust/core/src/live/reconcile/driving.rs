//! The commit thread's part: questions go out and answers are compared between the phases of a step.

use crate::commit::{Command, Difference, RiskChange, Writer};
use crate::domain::{Nanos, decimal_string};
use crate::live::broker::MarketPhase;
use crate::live::coordinator::Coordinator;
use crate::live::diary::BY;
use crate::order::reason;
use crate::venue::Execution;

use super::difference::{Held, Said};

impl Coordinator<'_> {
    /// Phase 1 where the venue answers questions: what is due is asked, and where the driver waits for the venue a question
    /// that its word raises is asked at once.
    pub(in crate::live) fn meet_and_ask(
        &mut self,
        now: Nanos,
        phase: MarketPhase,
        out: &mut Vec<Execution>,
    ) {
        self.orders.ask(now);
        self.orders.market(now, phase, out);
        let urgent = |book: &super::Book| book.is_urgent();
        if self.is_recorded() && self.orders.book.as_deref().is_some_and(urgent) {
            let events = std::sync::Arc::new([]);
            self.orders.ask(now);
            let phase = MarketPhase::Events {
                events,
                arrivals: false,
            };
            self.orders.market(now, phase, out);
        }
    }

    /// Reports what a broker told of orders under traders that they are not of.
    pub(in crate::live) fn report_misnamed(&mut self, now: Nanos, writer: &mut Writer) {
        for order in std::mem::take(&mut self.orders.misnamed) {
            let row = writer.records.order(order);
            let market = row.map(|row| writer.market_of(row.trader));
            self.report(now, Said::Misnamed { market, order }, writer);
        }
    }

    /// Compares, when an answer has come, and says whether orders may leave. What the venue told has been applied.
    pub(in crate::live) fn reconcile(&mut self, now: Nanos, writer: &mut Writer) {
        self.report_misnamed(now, writer);
        let Some(mut book) = self.orders.book.take() else {
            return;
        };
        let mut commands = Vec::new();
        if std::mem::take(&mut book.dropped) && writer.cancel_on_disconnect() {
            writer.take_all_back(reason::DISCONNECTED, &mut commands);
        }
        let held = Held {
            positions: writer.account.markets().iter().map(|m| m.net).collect(),
            cash: writer.account.cash(),
        };
        let market_of = |order| {
            writer
                .records
                .order(order)
                .map(|row| writer.market_of(row.trader))
        };
        if let Some(compared) = book.compare(&held, market_of) {
            for (market, order) in compared.unknown {
                if book.adopts()
                    && let Some(trader) = writer.adopt(order)
                {
                    book.sent(order, (trader, market), now);
                    book.counts.adopted += 1;
                    self.changed.push(trader);
                } else {
                    commands.push(Command::Cancel { market, order });
                }
            }
            for said in compared.news {
                self.report(now, said, writer);
            }
        }
        if book.connected {
            let due = book.cancels_due().into_iter();
            commands.extend(due.map(|(market, order)| Command::Cancel { market, order }));
        }
        writer.reconciled = book.connected && book.agreed;
        self.orders.book = Some(book);
        if !commands.is_empty() {
            // What traders see of their orders has changed.
            let all = u32::try_from(self.crew.members.len()).unwrap_or(u32::MAX);
            self.changed.extend(0..all);
        }
        for command in commands {
            self.orders.command(command);
        }
    }

    /// Something differs: it is recorded, and halts its pair where nobody can explain it.
    pub(super) fn report(&mut self, now: Nanos, said: Said, writer: &mut Writer) {
        let what = self.in_words(said, writer);
        let market = said.market();
        let halted = if said.halts() {
            let all = 0..u32::try_from(self.pairs.len()).unwrap_or(u32::MAX);
            market.map_or(all, |market| market..market + 1)
        } else {
            0..0
        };
        tracing::warn!(kind = said.kind(), what, "the venue and the engine differ");
        let halts = !halted.is_empty();
        for market in halted {
            let pair = &self.pairs[market as usize];
            let change = RiskChange {
                ts: now,
                by: BY.to_owned(),
                kind: "halt",
                what: format!("{pair}: {what}"),
            };
            writer.halt(market, change);
        }
        let pair = market.map_or("*", |market| &self.pairs[market as usize]);
        let told = format!("differs {pair} {}: {what}", said.kind());
        self.diary.found(self.progress.steps, told);
        writer.records.differences.push(Difference {
            ts: now,
            market,
            kind: said.kind(),
            what,
            halts,
        });
    }

    fn in_words(&self, said: Said, writer: &Writer) -> String {
        let size = |market: u32, lots: i64| {
            let instrument = &writer.account.market(market).instrument;
            instrument
                .quantity(lots)
                .map_or_else(|| format!("{lots} lots"), decimal_string)
        };
        match said {
            Said::Position {
                market,
                here,
                there,
            } => format!(
                "the position is {} here and {} at the venue",
                size(market, here),
                size(market, there)
            ),
            Said::Cash { more } if more > 0 => {
                format!("the venue has {} more cash", decimal_string(more))
            }
            Said::Cash { more } => format!(
                "the venue has {} less cash",
                decimal_string(more.saturating_neg())
            ),
            Said::LateFill { order, .. } => {
                format!("the venue filled order {order}, which had ended here")
            }
            Said::Vanished { order, .. } => {
                format!("the venue had taken order {order} and has no word of what became of it")
            }
            Said::Misnamed { order, .. } => {
                format!("the venue told of order {order} under a trader that it is not of")
            }
            Said::Unknown { order, .. } => {
                format!("order {order} works at the venue and had ended here")
            }
            Said::Unsettled {
                order: Some(order), ..
            } => format!("the run ended before the venue told what became of order {order}"),
            Said::Unsettled { order: None, .. } => {
                "the run ended before the venue told how the account stands".to_owned()
            }
            Said::Foreign {
                market: Some(market),
                lots,
            } => format!(
                "an order over {} works at the venue that is not of this run",
                size(market, lots)
            ),
            Said::Foreign { market: None, lots } => format!(
                "an order over {lots} lots works at the venue on a market that this run does not have"
            ),
        }
    }

    /// A person lets a pair go on that reconciliation halted. Whether it was halted.
    pub(in crate::live) fn lift(&mut self, market: u32, writer: &mut Writer) -> bool {
        let halted = writer.lift(market);
        if halted && let Some(book) = &mut self.orders.book {
            book.forget(market);
        }
        halted
    }
}
