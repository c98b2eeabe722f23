//! Commands of people become what a strategy's wishes are: acts of a step.

use std::sync::Arc;

use rust_decimal::Decimal;

use crate::clock::Stopwatch;
use crate::commit::{Act, Author, Difference, RiskChange, Writer};
use crate::domain::{Amount, Side};
use crate::error::Error;
use crate::limits::CALL_PATIENCE;
use crate::signal::{Intent, OrderRequest, TimeInForce, TradeSignal};
use crate::strategy::money_f64;
use crate::trader::TraderState;

use super::command::{LiveCommand, Reply, Request, one_line};
use super::coordinator::{Answer, Coordinator};
use super::event::Notice;
use super::status::{Status, TraderStatus};

/// How many names an error lists.
const NAMES_SHOWN: usize = 5;

impl Coordinator<'_> {
    /// Does what people asked for. What is to be committed is added to `acts`, before what strategies want.
    pub(super) fn obey(&mut self, writer: &mut Writer, acts: &mut Vec<Act>) {
        // Something that was about to leave was not what was approved: everything else is taken back.
        if writer.killed && !self.killed && self.progress.ending.is_none() {
            self.kill(writer, acts, "engine");
        }
        for (trader, author) in writer.due_exits() {
            acts.push(Act {
                author,
                ..by_person(trader, Intent::Signal(TradeSignal::Close))
            });
        }
        while let Some((input, command)) = self.diary.due(self.progress.steps) {
            // It was obeyed before, so it is again.
            let _ = self.carry_out((&command, &input.author), writer, acts);
            self.diary.obeyed.push(input);
        }
        for request in std::mem::take(&mut self.requests) {
            let asked = (&request.command, request.author.as_ref());
            let result = self.carry_out(asked, writer, acts);
            // One that was refused had its step, too: a run that is made again refuses it there.
            self.diary
                .note(self.progress.steps, &request.command, request.author);
            self.answers.push((request.reply, result));
        }
    }

    /// Whether somebody wants to see how things stand.
    pub(super) fn is_asked(&self) -> bool {
        let mut requests = self.requests.iter();
        requests.any(|request| request.command == LiveCommand::Status)
    }

    /// While calls of strategies last: shows how things stand to who asks. Whether the run does not wait for them any longer:
    /// it is to end, and for `since` none has come back. `last` says that these are the last calls, which are given up only
    /// when somebody asks once more.
    pub(super) fn gives_up(&mut self, writer: &Writer, since: &Stopwatch, last: bool) -> bool {
        let stops = |requests: &[Request]| {
            let stops = |request: &&Request| request.command == LiveCommand::Stop;
            requests.iter().filter(stops).count()
        };
        let asked = stops(&self.requests);
        let over = self.is_over();
        let again = stops(&self.requests) > asked;
        for (reply, status) in self.statuses(writer) {
            // No step is over whose end this could wait for. Whoever asked may have gone.
            let _ = reply.try_send(status);
        }
        // How long a run may last does not end it while it is made again.
        let ends = if last {
            again
        } else {
            self.stopping || (over && !self.diary.rebuilding)
        };
        ends && (last || since.elapsed() >= CALL_PATIENCE)
    }

    /// Shows how things stand, between two steps.
    pub(super) fn show(&mut self, writer: &Writer) {
        let statuses = self.statuses(writer);
        self.answers.extend(statuses);
    }

    /// How things stand, for each who asked.
    fn statuses(&mut self, writer: &Writer) -> Vec<Answer> {
        if !self.is_asked() {
            return Vec::new();
        }
        let status = Arc::new(self.status(writer));
        let asked = |request: &mut Request| request.command == LiveCommand::Status;
        let requests = self.requests.extract_if(.., asked);
        let answer = |request: Request| (request.reply, Ok(Reply::Status(Arc::clone(&status))));
        requests.map(answer).collect()
    }

    /// Tells whoever gave commands in the last step that it was not committed.
    pub(super) fn deny_people(&mut self, error: &Error) {
        for (_, result) in &mut self.answers {
            if result.is_ok() {
                *result = Err(error.clone());
            }
        }
    }

    /// Answers the commands of the last step, which is committed now.
    pub(super) fn answer_people(&mut self) {
        for (reply, result) in self.answers.drain(..) {
            // Whoever asked may have gone.
            let _ = reply.try_send(result);
        }
    }

    fn carry_out(
        &mut self,
        (command, author): (&LiveCommand, &str),
        writer: &mut Writer,
        acts: &mut Vec<Act>,
    ) -> Result<Reply, Error> {
        match command {
            LiveCommand::ForceExit(name) => {
                for trader in self.named(name)? {
                    acts.push(by_person(trader, Intent::Signal(TradeSignal::Close)));
                }
            }
            LiveCommand::CloseAll => acts.extend(
                (0..self.crew.members.len())
                    .filter_map(|trader| u32::try_from(trader).ok())
                    .filter(|&trader| {
                        let row = writer.account.row(trader);
                        row.position != 0 || !row.working.is_empty()
                    })
                    .map(|trader| by_person(trader, Intent::Signal(TradeSignal::Close))),
            ),
            LiveCommand::AddPosition(name, quantity) => {
                let trader = self.only_one(name)?;
                acts.push(by_person(trader, self.market_order(*quantity)?));
            }
            LiveCommand::Pause(name) => self.set_state(name, TraderState::Paused)?,
            LiveCommand::Resume(name) => self.set_state(name, TraderState::Active)?,
            LiveCommand::Restart(name) => self.restart(name)?,
            LiveCommand::Kill => self.kill(writer, acts, author),
            LiveCommand::SetLimits { limits, by, what } => {
                let change = self.change("limits", by, what);
                writer.set_limits(limits.as_deref(), change)?;
            }
            LiveCommand::Enable { name, by } => {
                if let Some(market) = (0..)
                    .zip(&self.pairs)
                    .find(|(_, pair)| pair.as_ref() == name)
                    && self.lift(market.0, writer)
                {
                    let change = self.change("enable", by, name);
                    writer.records.risk_changes.push(change);
                }
                for trader in self.named(name)? {
                    let change = self.change("enable", by, &self.names[trader as usize]);
                    writer.enable(trader, change);
                }
            }
            LiveCommand::ClearKill => {
                writer.killed = false;
                self.killed = false;
                if !self.diary.rebuilding {
                    self.ended.switch.clear();
                }
            }
            // Nothing of these is for a step.
            LiveCommand::Status | LiveCommand::Stop => {}
        }
        Ok(Reply::Done)
    }

    /// Sets the kill switch and takes back all that works. The end of a run in real time does the same, which is no news.
    fn kill(&mut self, writer: &mut Writer, acts: &mut Vec<Act>, by: &str) {
        // What was thrown before this process is over, or was thrown anew as it began.
        if self.progress.ending.is_none() && !self.diary.rebuilding {
            self.ended.switch.take_in();
        }
        if self.progress.ending.is_none() && !self.killed {
            self.killed = true;
            let change = self.change("kill", by, "");
            writer.records.risk_changes.push(change);
        }
        writer.killed = true;
        let ends = self.progress.ending.is_some();
        acts.extend(
            (0..self.crew.members.len())
                .filter_map(|trader| u32::try_from(trader).ok())
                .filter(|&trader| !writer.account.row(trader).working.is_empty())
                .map(|trader| Act {
                    // At its end the run leaves nothing behind, a way out neither.
                    author: if ends {
                        Author::Person
                    } else {
                        Author::KillSwitch
                    },
                    ..by_person(trader, Intent::Cancel(None))
                }),
        );
    }

    fn change(&self, kind: &'static str, by: &str, what: &str) -> RiskChange {
        RiskChange {
            ts: self.progress.last.unwrap_or(0),
            // As the journal keeps them, so that a run made again has the same table.
            by: one_line(by),
            kind,
            what: one_line(what),
        }
    }

    /// The traders of that name, or on that pair.
    fn named(&self, name: &str) -> Result<Vec<u32>, Error> {
        let found: Vec<u32> = (0_u32..)
            .zip(&self.names)
            .filter(|(_, own)| own.as_ref() == name)
            .map(|(trader, _)| trader)
            .collect();
        if !found.is_empty() {
            return Ok(found);
        }
        let markets = &self.stage.markets;
        let market = (0_u32..)
            .zip(&markets.sources)
            .find(|(market, _)| markets.market(*market).name == name);
        if let Some((market, _)) = market {
            return Ok(self.handle.on(market).to_vec());
        }
        let mut known: Vec<&str> = self.names.iter().map(AsRef::as_ref).collect();
        known.truncate(NAMES_SHOWN);
        let more = if self.names.len() > NAMES_SHOWN {
            ", ..."
        } else {
            ""
        };
        Err(Error::config(
            "run.unknown_trader",
            format!(
                "there is no trader or pair {name:?}; traders are {}{more}",
                known.join(", ")
            ),
        ))
    }

    fn only_one(&self, name: &str) -> Result<u32, Error> {
        let found = self.named(name)?;
        match found.as_slice() {
            [trader] => Ok(*trader),
            _ => Err(Error::config(
                "run.several_traders",
                format!(
                    "{} traders trade {name:?}; name one of them: {}",
                    found.len(),
                    self.names[found[0] as usize]
                ),
            )),
        }
    }

    fn market_order(&mut self, quantity: Decimal) -> Result<Intent, Error> {
        if quantity.is_zero() {
            return Err(Error::config(
                "run.quantity",
                "add_position of 0 does nothing; give a quantity above or below zero",
            ));
        }
        self.asked += 1;
        Ok(Intent::Order(OrderRequest {
            // Numbers of strategies count up from one, those of people down from the end.
            client_id: u64::MAX - self.asked,
            side: if quantity.is_sign_negative() {
                Side::Sell
            } else {
                Side::Buy
            },
            quantity: Amount::Exact(quantity.abs()),
            limit: None,
            reduce_only: false,
            tif: TimeInForce::default(),
            tag: None,
        }))
    }

    fn set_state(&mut self, name: &str, state: TraderState) -> Result<(), Error> {
        let traders = self.named(name)?;
        let quarantined =
            |&&trader: &&u32| self.crew.members[trader as usize].state == TraderState::Quarantined;
        if let Some(&trader) = traders.iter().find(quarantined) {
            let name = &self.names[trader as usize];
            return Err(Error::config(
                "run.quarantined",
                format!("{name} is quarantined; restart it with restart({name:?})"),
            ));
        }
        for trader in traders {
            self.crew.members[trader as usize].state = state;
            let notice = match state {
                TraderState::Paused => Notice::Pause,
                _ => Notice::Resume,
            };
            self.stage.actors[trader as usize].notify(notice);
        }
        Ok(())
    }

    fn restart(&mut self, name: &str) -> Result<(), Error> {
        let traders = self.named(name)?;
        for &trader in &traders {
            if !self.crew.restartable[trader as usize] {
                let name = &self.names[trader as usize];
                return Err(Error::config(
                    "run.restart",
                    format!(
                        "{name} cannot be restarted: the engine does not know how to make its strategy anew"
                    ),
                ));
            }
        }
        for trader in traders {
            let member = &mut self.crew.members[trader as usize];
            if member.state == TraderState::Quarantined {
                self.crew.active += 1;
            }
            member.state = TraderState::Active;
            self.stage.actors[trader as usize].notify(Notice::Restart);
            self.crew.due.push(trader);
        }
        Ok(())
    }

    /// How things stand.
    fn differences(&self, writer: &Writer) -> Vec<(Option<Arc<str>>, Difference)> {
        let pair = |market: u32| Arc::clone(&self.pairs[market as usize]);
        let found = writer.records.differences.iter();
        found
            .map(|each| (each.market.map(pair), each.clone()))
            .collect()
    }

    pub(super) fn status(&self, writer: &Writer) -> Status {
        let view = writer.account.view();
        let traders = (0_u32..)
            .zip(&self.crew.members)
            .map(|(trader, member)| {
                let row = writer.account.row(trader);
                let market = writer.market_of(trader);
                let book = writer.account.market(market);
                let position = book.instrument.quantity_f64(row.position);
                let last_price = book
                    .mark
                    .map_or(f64::NAN, |mark| book.instrument.price_f64(mark));
                let flat = row.position == 0;
                TraderStatus {
                    name: Arc::clone(&self.names[trader as usize]),
                    pair: Arc::clone(&self.pairs[market as usize]),
                    state: member.state,
                    position,
                    entry_price: if flat { f64::NAN } else { row.entry_price },
                    unrealized_pnl: if flat {
                        0.0
                    } else {
                        position * (last_price - row.entry_price)
                    },
                    realized_pnl: realized(writer, trader, position),
                    last_price,
                    last_signal: member.last_signal,
                    evaluations: member.evaluations,
                    inbox: self.handle.inbox(trader).depth(),
                    late: member.late,
                    working_orders: row.working.len(),
                }
            })
            .collect::<Vec<_>>();
        Status {
            now: self.progress.last,
            elapsed: self.watch.elapsed().as_secs_f64(),
            equity: view.equity,
            cash: writer.account.cash(),
            working_orders: traders.iter().map(|trader| trader.working_orders).sum(),
            traders,
            killed: self.killed,
            differences: self.differences(writer),
            risk_process: self.orders.risk.as_ref().map(|_| {
                let lost = self.orders.risk_lost.clone();
                lost.map_or(Ok(()), Err)
            }),
            connected: self
                .orders
                .book
                .as_deref()
                .is_none_or(|book| book.connected),
            reconciled: writer.reconciled,
            halted: writer
                .halts
                .iter()
                .map(|&market| Arc::clone(&self.pairs[market as usize]))
                .collect(),
            counts: self.counts(writer),
        }
    }
}

/// What a trader's fills have brought beyond what its position cost, fees taken off.
fn realized(writer: &Writer, trader: u32, position: f64) -> f64 {
    let (account, row) = (&writer.account, writer.account.row(trader));
    let closed = money_f64(account.realized(trader));
    closed
        + match account.open_trade(trader) {
            None => 0.0,
            Some(open) if open.exit_lots == 0 => -money_f64(open.fees),
            Some(open) => money_f64(open.cash_flow) + position * row.entry_price,
        }
}

fn by_person(trader: u32, intent: Intent) -> Act {
    Act {
        trader,
        author: Author::Person,
        intents: vec![intent],
        failure: None,
    }
}
