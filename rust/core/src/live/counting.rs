//! The counts of a run, gathered from the stages.

use std::collections::BTreeMap;

use crate::commit::Writer;
use crate::dispatch::Overflow;

use super::coordinator::Coordinator;
use super::metrics::LiveCounts;

impl Coordinator<'_> {
    pub(super) fn counts(&self, writer: &Writer) -> LiveCounts {
        let evaluations = || self.crew.members.iter().map(|member| member.evaluations);
        let replaced = |overflow| {
            let inboxes = self.handle.inboxes().iter();
            let those = inboxes.filter(|inbox| inbox.overflow() == overflow);
            those.map(|inbox| inbox.replaced()).sum()
        };
        let high_water = self.handle.inboxes().iter();
        let high_water = high_water.map(|inbox| inbox.high_water()).max();
        let holds = self.stage.board.hold_times();
        let counted = writer.records.counted();
        LiveCounts {
            events: self.progress.events,
            steps: self.progress.steps,
            deliveries: self.progress.deliveries,
            evaluations: evaluations().sum(),
            evaluations_least: evaluations().min().unwrap_or(0),
            evaluations_most: evaluations().max().unwrap_or(0),
            late: self.crew.late,
            conflated: replaced(Overflow::Conflate),
            dropped: replaced(Overflow::DropOldest),
            inbox_high_water: high_water.unwrap_or(0) as u64,
            signals: self.crew.signals,
            orders: counted.orders as u64,
            refusals: counted.refusals as u64,
            fills: counted.fills as u64,
            orders_open: self.orders.resting() as u64,
            lock_holds: holds.count,
            lock_hold_mean_ns: holds.mean,
            lock_hold_max_ns: holds.max,
            tick_to_order_p50_ns: self.tick_to_order.percentile(50),
            tick_to_order_p99_ns: self.tick_to_order.percentile(99),
            tick_to_order_p999_ns: self.tick_to_order.per_mille(999),
        }
    }
}

impl Coordinator<'_> {
    /// What a run leaves open at its end, in words.
    pub(super) fn left_open(&self, steps: u64) -> Vec<String> {
        let mut found = Vec::new();
        if self.is_recorded() && self.diary.ended_early {
            found.push(format!(
                "the run was stopped after {steps} steps, before the end of its data"
            ));
        }
        let open = self.orders.resting();
        if !self.is_recorded() && open > 0 {
            let (s, they) = if open == 1 { ("", "it") } else { ("s", "they") };
            found.push(format!(
                "{open} order{s} had not ended when the run did: the broker has not said what became of {}, and {they} may \
                 still be filled",
                if open == 1 { "it" } else { "them" }
            ));
        }
        let late = self.crew.members.iter().zip(&self.names);
        let late: Vec<&str> = late
            .filter(|(member, _)| member.late)
            .map(|(_, name)| name.as_ref())
            .collect();
        if let Some((first, others)) = late.split_first() {
            let others = match others.len() {
                0 => String::new(),
                others => format!(" and {others} more"),
            };
            found.push(format!(
                "{first}{others}: a call of the strategy had not come back when the run ended, and was left behind"
            ));
        }
        found
    }
}

impl LiveCounts {
    /// The counts by name, as `result.counters` has them.
    #[must_use]
    pub fn by_name(&self) -> BTreeMap<String, u64> {
        let counts = [
            ("deliveries", self.deliveries),
            ("evaluations", self.evaluations),
            ("evaluations_least", self.evaluations_least),
            ("evaluations_most", self.evaluations_most),
            ("late", self.late),
            ("conflated", self.conflated),
            ("dropped", self.dropped),
            ("inbox_high_water", self.inbox_high_water),
            ("signals", self.signals),
            ("orders_open_at_end", self.orders_open),
            ("lock_holds", self.lock_holds),
            ("lock_hold_mean_ns", self.lock_hold_mean_ns),
            ("lock_hold_max_ns", self.lock_hold_max_ns),
        ];
        let times = [
            ("tick_to_order_p50_ns", self.tick_to_order_p50_ns),
            ("tick_to_order_p99_ns", self.tick_to_order_p99_ns),
            ("tick_to_order_p999_ns", self.tick_to_order_p999_ns),
        ];
        let times = times
            .into_iter()
            .filter_map(|(name, nanos)| Some((name, nanos?)));
        counts
            .into_iter()
            .chain(times)
            .map(|(name, count)| (name.to_owned(), count))
            .collect()
    }
}
