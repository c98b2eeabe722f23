//! A trader's place on its market: what each of its events asks of the run, kept together so that one look finds it.

use crate::market::{EventKind, Market, PriceScale, Series};

use super::Cast;

/// The place of a trader that goes event by event.
#[derive(Clone, Copy)]
pub(super) struct Seat<'a> {
    pub trader: u32,
    /// Whether the pool may evaluate it.
    pub native: bool,
    /// The kind of row that fills its window and its indicators.
    main: EventKind,
    listens: [bool; 3],
    /// The columns of that kind.
    pub series: Option<Series<'a>>,
    pub scale: PriceScale,
    pub pair: &'a str,
}

impl<'a> Cast<'a> {
    pub(super) fn seat(&mut self, trader: u32) -> Seat<'a> {
        let index = trader as usize;
        let slot = self.traders[index].get_mut();
        let (market, main) = (self.market_of[index] as usize, self.mains[index]);
        Seat {
            trader,
            native: self.native[index],
            main,
            listens: EventKind::ALL.map(|kind| slot.listens(kind)),
            series: self.markets[market].series(main),
            scale: self.scales[market],
            pair: &self.markets[market].name,
        }
    }
}

impl<'a> Seat<'a> {
    /// The columns of rows of this kind, if it is to hear of them.
    #[inline]
    pub(super) fn hears(&self, kind: EventKind, market: &'a Market) -> Option<Series<'a>> {
        if kind == self.main {
            return self.series;
        }
        let listens = self.listens[kind as usize];
        if listens { market.series(kind) } else { None }
    }
}
