//! Positions whose worth is told from outside, some steps at once: nothing happens to them but that prices move.

use serde::{Deserialize, Serialize};

use crate::domain::{HalfUnits, Money};

use super::Portfolio;

/// Sums of two amounts below this cannot overflow, nor can their differences.
const NEAR: u128 = 1 << 124;

/// What the positions are worth that nothing happens to but that prices move.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carried {
    /// Their value, short ones below zero.
    pub net: Money,
    /// Their value whatever their side.
    pub gross: Money,
}

/// What the positions that are carried are worth at some steps, one after the other.
#[derive(Clone, Copy, Debug)]
pub enum Worths<'a> {
    /// Sums over some positions.
    Of(&'a [Carried]),
    /// One position.
    OfOne(Priced<'a>),
    /// Sums counted in an amount.
    InUnits(Counted<'a>),
}

/// One position at some steps.
#[derive(Clone, Copy, Debug)]
pub struct Priced<'a> {
    /// Its market's prices, one for each step.
    pub marks: &'a [HalfUnits],
    /// None of them is larger than this.
    pub most: HalfUnits,
    /// What one more half unit of the price adds to its value.
    pub per_price: i64,
}

/// What positions are worth at some steps, counted in an amount of which the worth of each is a multiple.
#[derive(Clone, Copy, Debug)]
pub struct Counted<'a> {
    /// As [`Carried::net`], one for each step.
    pub net: &'a [i64],
    /// As [`Carried::gross`], as many.
    pub gross: &'a [i64],
    /// The amount.
    pub unit: i64,
}

impl Counted<'_> {
    #[inline]
    fn amount(self, count: i64) -> Money {
        // Two numbers of 64 bits have a product of 128.
        i128::from(count).wrapping_mul(i128::from(self.unit))
    }
}

impl Carried {
    /// What one position is worth at a price.
    #[must_use]
    #[inline]
    pub fn of_one(mark: HalfUnits, per_price: i64) -> Self {
        // Two numbers of 63 bits have a product of 126, so this one cannot overflow.
        let net = i128::from(mark).wrapping_mul(i128::from(per_price));
        let gross = i128::from(mark).wrapping_mul(i128::from(per_price.unsigned_abs()));
        Self { net, gross }
    }
}

impl<'a> Worths<'a> {
    /// How many steps there are.
    #[must_use]
    #[inline]
    pub const fn len(self) -> usize {
        match self {
            Self::Of(sums) => sums.len(),
            Self::OfOne(one) => one.marks.len(),
            Self::InUnits(sums) => sums.net.len(),
        }
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// What they are worth at one of the steps.
    #[must_use]
    #[inline]
    pub fn at(self, step: usize) -> Carried {
        match self {
            Self::Of(sums) => sums[step],
            Self::OfOne(one) => Carried::of_one(one.marks[step], one.per_price),
            Self::InUnits(sums) => Carried {
                net: sums.amount(sums.net[step]),
                gross: sums.amount(sums.gross[step]),
            },
        }
    }

    /// The same for the first steps alone.
    #[must_use]
    #[inline]
    pub fn first(self, steps: usize) -> Self {
        match self {
            Self::Of(sums) => Self::Of(&sums[..steps]),
            Self::OfOne(one) => Self::OfOne(Priced {
                marks: &one.marks[..steps],
                ..one
            }),
            Self::InUnits(sums) => Self::InUnits(Counted {
                net: &sums.net[..steps],
                gross: &sums.gross[..steps],
                unit: sums.unit,
            }),
        }
    }
}

impl Portfolio {
    /// Adds the equity at each of these worths of the positions that are carried to a curve.
    #[inline]
    pub fn equities(&self, worths: Worths<'_>, curve: &mut Vec<Money>) {
        // What is carried stays far below this, so that such a sum cannot overflow, and needs no look at that.
        let equity = self.equity;
        match worths {
            Worths::Of(sums) if equity.unsigned_abs() < NEAR => {
                curve.extend(sums.iter().map(|worth| equity.wrapping_add(worth.net)));
            }
            Worths::OfOne(one) if equity.unsigned_abs() < NEAR => {
                let per_price = i128::from(one.per_price);
                let worth = |&mark: &HalfUnits| i128::from(mark).wrapping_mul(per_price);
                curve.extend(
                    one.marks
                        .iter()
                        .map(|mark| equity.wrapping_add(worth(mark))),
                );
            }
            Worths::InUnits(sums) if equity.unsigned_abs() < NEAR => {
                let worths = sums.net.iter().map(|&net| sums.amount(net));
                curve.extend(worths.map(|worth| equity.wrapping_add(worth)));
            }
            _ => curve.extend((0..worths.len()).map(|step| self.equity_with(worths.at(step)))),
        }
    }

    /// The first of these worths of the positions that are carried at which all positions are worth more than equity.
    #[must_use]
    #[inline]
    pub fn first_above_equity(&self, worths: Worths<'_>) -> Option<usize> {
        if self.equity.unsigned_abs() < NEAR && self.held.unsigned_abs() < NEAR {
            let spare = self.equity.wrapping_sub(self.held);
            match worths {
                Worths::Of(sums) => {
                    return { sums.iter() }
                        .position(|worth| worth.gross.wrapping_sub(worth.net) > spare);
                }
                Worths::InUnits(sums) => {
                    // Both are far from the borders of what they are counted in.
                    let more = |(gross, net): (&i64, &i64)| gross.wrapping_sub(*net);
                    let above = |more: i64| sums.amount(more) > spare;
                    let pairs = sums.gross.iter().zip(sums.net);
                    if !above(pairs.clone().map(more).max()?) {
                        return None;
                    }
                    return pairs.map(more).position(above);
                }
                // What is long is worth to equity what it is worth at all, and of what is short the dearest step tells
                // that there is none.
                Worths::OfOne(one) => {
                    let short = i128::from(one.per_price.min(0).unsigned_abs());
                    let above = |mark: HalfUnits| i128::from(mark).wrapping_mul(short) > spare >> 1;
                    if !above(one.most) || !above(one.marks.iter().copied().max()?) {
                        return None;
                    }
                    return one.marks.iter().position(|&mark| above(mark));
                }
            }
        }
        (0..worths.len()).find(|&step| {
            let worth = worths.at(step);
            self.held_with(worth) > self.equity_with(worth)
        })
    }

    /// Leaves the valuation of a market's position to the caller, who tells by [`Portfolio::set_carried`] what all such
    /// positions are worth at each step. Gives back what one more half unit of the price adds to the value; `None`
    /// where there is no position, or one that needs a look at each price.
    ///
    /// This lasts until something happens in the market that leaves no such position. Its mark has to be up to date before
    /// anything does.
    pub fn carry(&mut self, market: u32) -> Option<i64> {
        let book = &mut self.markets[market as usize];
        let per_price = book.per_price?;
        if std::mem::replace(&mut book.carried, true) {
            return Some(per_price);
        }
        let value = std::mem::take(&mut book.value);
        let exposure = std::mem::take(&mut book.exposure);
        self.equity = self.equity.saturating_sub(value);
        self.held = self.held.saturating_sub(value.saturating_abs());
        self.exposure = self.exposure.saturating_sub(exposure);
        Some(per_price)
    }

    /// Tells what the positions that are carried are worth at this step.
    #[inline]
    pub fn set_carried(&mut self, carried: Carried) {
        self.carried = carried;
    }

    /// The markets whose position is no longer carried since this was last asked, and what one more half unit of the
    /// price added to its value until then.
    #[must_use]
    pub fn released(&mut self) -> std::vec::Drain<'_, (u32, i64)> {
        self.released.drain(..)
    }

    /// Whether nothing but its price moves in a market, and the price need not be known now: nothing is held or works there,
    /// or what is held is carried.
    #[must_use]
    #[inline]
    pub fn is_unmoved(&self, market: u32) -> bool {
        let book = &self.markets[market as usize];
        book.carried || (book.net == 0 && book.working_buys == 0 && book.working_sells == 0)
    }

    /// Something happened in a market.
    #[inline]
    pub(super) fn stir(&mut self, market: u32) {
        if !std::mem::replace(&mut self.markets[market as usize].stirred, true) {
            self.stirred.push(market);
        }
    }

    /// Takes in the last price, and the best ask, of each market that is not unmoved.
    #[inline]
    pub fn mark_moved(
        &mut self,
        mut price: impl FnMut(u32) -> Option<(HalfUnits, Option<HalfUnits>)>,
    ) {
        let mut stirred = std::mem::take(&mut self.stirred);
        stirred.retain(|&market| {
            let moves = !self.is_unmoved(market);
            self.markets[market as usize].stirred = moves;
            if moves && let Some((mark, ask)) = price(market) {
                self.mark(market, mark, ask);
            }
            moves
        });
        self.stirred = stirred;
    }

    /// Takes a carried position back before the worth of this step has been told: it is valued at the mark that it was
    /// last valued at, and looked at with each price from now on.
    pub fn give_back(&mut self, market: u32) {
        let before = self.carried;
        self.release(market);
        self.stir(market);
        self.released.clear();
        // It is not part of what will be told for this step.
        self.carried = before;
        self.markets[market as usize].per_price = None;
    }

    /// Whether a market's position needs a look at each of its prices: there is one, and it cannot be carried.
    #[must_use]
    pub fn needs_each_price(&self, market: u32) -> bool {
        let book = &self.markets[market as usize];
        let works = book.working_buys != 0 || book.working_sells != 0;
        book.net != 0 && book.per_price.is_none() && !works
    }

    /// Carries a market's position on that has changed, with nothing at work any more. `false` where it must be valued on its own.
    #[inline]
    pub(super) fn carry_on(&mut self, market: u32) -> bool {
        let book = &mut self.markets[market as usize];
        let idle = book.working_buys == 0 && book.working_sells == 0 && book.net != 0;
        let now = Some(book.net).filter(|_| idle);
        let now = now.and_then(|net| book.instrument.value_per_price(net));
        let (Some(before), Some(now), Some(mark)) = (book.per_price, now, book.mark) else {
            return false;
        };
        book.per_price = Some(now);
        self.exposure -= std::mem::take(&mut book.exposure);
        let (before, now) = (Carried::of_one(mark, before), Carried::of_one(mark, now));
        let carried = &mut self.carried;
        carried.net = carried.net.saturating_add(now.net - before.net);
        carried.gross = carried.gross.saturating_add(now.gross - before.gross);
        true
    }

    /// Values a carried position on its own again, at the market's mark.
    pub(super) fn release(&mut self, market: u32) {
        let book = &mut self.markets[market as usize];
        let (Some(per_price), Some(mark)) = (book.per_price, book.mark) else {
            return;
        };
        book.carried = false;
        let value = i128::from(mark) * i128::from(per_price);
        let gross = value.saturating_abs();
        book.value = value;
        self.equity = self.equity.saturating_add(value);
        self.held = self.held.saturating_add(gross);
        if !self.spot {
            self.exposure = self.exposure.saturating_add(gross - book.exposure);
            book.exposure = gross;
        }
        self.carried.net = self.carried.net.saturating_sub(value);
        self.carried.gross = self.carried.gross.saturating_sub(gross);
        self.released.push((market, per_price));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{FeeRates, Instrument, InstrumentSpec, Liquidity, Rate, Side};
    use crate::order::Order;
    use proptest::prelude::*;

    fn account(equity: Money, held: Money) -> Portfolio {
        let fees = FeeRates {
            maker: Rate::ZERO,
            taker: Rate::ZERO,
        };
        let instrument = Instrument::new(2, &InstrumentSpec::default(), fees).unwrap();
        let mut account = Portfolio::new(false, equity, vec![instrument], 1);
        account.held = held;
        account
    }

    /// What both forms say must be what the plain sums say.
    fn check(account: &Portfolio, worths: Worths<'_>) {
        let sums: Vec<Carried> = (0..worths.len()).map(|step| worths.at(step)).collect();
        let plain = Worths::Of(&sums);
        let (mut found, mut wanted) = (Vec::new(), Vec::new());
        account.equities(worths, &mut found);
        account.equities(plain, &mut wanted);
        assert_eq!(found, wanted);
        assert_eq!(
            account.first_above_equity(worths),
            account.first_above_equity(plain)
        );
    }

    /// All that anybody may ask of an account about the worth of its positions.
    fn standing(account: &Portfolio) -> [Money; 5] {
        [
            account.cash(),
            account.equity(),
            account.held_exposure(),
            account.exposure(),
            account.market(0).exposure(),
        ]
    }

    proptest! {
        #[test]
        fn a_position_carried_through_fills_counts_as_one_that_never_was(
            steps in prop::collection::vec(
                (1_i64..1_000, prop::collection::vec((0_u32..2, -5_i64..6), 0..3)),
                1..30,
            ),
        ) {
            let instruments = || account(0, 0).markets[0].instrument.as_ref().clone();
            let [mut carried, mut plain] =
                [(), ()].map(|()| Portfolio::new(false, 1_000, vec![instruments()], 2));
            let (mut weight, mut id) = (0, 0);
            for (mark, orders) in steps {
                carried.mark(0, mark, None);
                plain.mark(0, mark, None);
                carried.set_carried(Carried::of_one(mark, weight));
                let orders: Vec<Order> = { orders.iter() }
                    .filter(|(_, lots)| *lots != 0)
                    .map(|&(trader, lots)| {
                        id += 1;
                        let (side, lots) = (Side::of(lots), lots.abs());
                        Order { trader, side, lots, ..Order::for_test(id) }
                    })
                    .collect();
                for order in &orders {
                    carried.count_in_for_now(order);
                    plain.count_in_for_now(order);
                    prop_assert_eq!(standing(&carried), standing(&plain));
                }
                for order in &orders {
                    for account in [&mut carried, &mut plain] {
                        account.count_out(order);
                        account.settle(order, mark, 0, Liquidity::Taker);
                    }
                }
                prop_assert_eq!(standing(&carried), standing(&plain));
                drop(carried.released());
                weight = carried.carry(0).unwrap_or(0);
                carried.set_carried(Carried::of_one(mark, weight));
                prop_assert_eq!(standing(&carried), standing(&plain));
            }
        }

        #[test]
        fn prices_of_one_position_say_what_its_sums_say(
            marks in prop::collection::vec(-1_000_i64..100_000, 0..40),
            per_price in prop_oneof![-1_000_i64..1_000, Just(i64::MIN + 1), Just(i64::MAX)],
            near in -3_i128..4,
            at in 0_usize..40,
            large in any::<bool>(),
            above in 0_i64..3,
        ) {
            // Equity stands where one of the steps is just above it, or just not.
            let worth = marks.get(at).map_or(0, |&mark| {
                let worth = Carried::of_one(mark, per_price);
                worth.gross - worth.net
            });
            let held = if large { 1 << 124 } else { 0 };
            let most = marks.iter().max().map_or(0, |most| most + above);
            let one = Priced { marks: &marks, most, per_price };
            check(&account(held + worth + near, held), Worths::OfOne(one));
        }

        #[test]
        fn counted_sums_say_what_they_are_worth(
            pairs in prop::collection::vec((-1_000_i64..1_000, 0_i64..1_000), 0..40),
            unit in prop_oneof![1_i64..10, Just(i64::MAX)],
            near in -3_i128..4,
            at in 0_usize..40,
        ) {
            let (net, gross): (Vec<i64>, Vec<i64>) = pairs.into_iter().unzip();
            let counted = Counted { net: &net, gross: &gross, unit };
            let worths = Worths::InUnits(counted);
            let worth = if at < net.len() {
                let worth = worths.at(at);
                worth.gross - worth.net
            } else {
                0
            };
            check(&account(worth + near, 0), worths);
        }
    }
}
