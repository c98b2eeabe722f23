//! The marks of candles, a few rows of a market at a time.
//!
//! A step reads one price of every market. Read one by one, from as many columns, each would wait for memory; so what
//! one such wait brings is converted at once, into a table that is read from front to back.

use crate::domain::HalfUnits;
use crate::limits::MARKS_TOGETHER;
use crate::market::{CandleSeries, PriceScale};

use super::Cast;

/// The marks that some neighbouring candles of a market leave.
#[derive(Clone, Debug)]
struct Group {
    /// The number of the first row over the size of a group; beyond all rows while nothing is here.
    number: u32,
    marks: [HalfUnits; MARKS_TOGETHER],
}

/// For every market the marks around its newest candle.
#[derive(Debug)]
pub(super) struct Marks(Vec<Group>);

impl Marks {
    pub(super) fn new(markets: usize) -> Self {
        let nothing = Group {
            number: u32::MAX,
            marks: [0; MARKS_TOGETHER],
        };
        Self(vec![nothing; markets])
    }

    /// The mark that a candle leaves.
    #[inline]
    pub(super) fn at(&mut self, cast: &Cast<'_>, market: usize, row: u32) -> HalfUnits {
        const SIZE: u32 = MARKS_TOGETHER as u32;
        let group = &mut self.0[market];
        if group.number != row / SIZE {
            group.number = row / SIZE;
            if let Some(candles) = &cast.markets[market].candles {
                let first = (row - row % SIZE) as usize;
                group.fill(candles, cast.scales[market], first);
            }
        }
        group.marks[(row % SIZE) as usize]
    }
}

impl Group {
    #[inline(never)]
    fn fill(&mut self, candles: &CandleSeries, scale: PriceScale, first: usize) {
        let closes = candles.close[first..].iter();
        for (mark, &close) in self.marks.iter_mut().zip(closes) {
            *mark = 2 * scale.units(close);
        }
    }
}
