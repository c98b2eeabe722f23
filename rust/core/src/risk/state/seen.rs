//! What a market showed last.

use crate::domain::{HalfUnits, Nanos};

/// The last events of a market.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::risk) struct Seen {
    /// When the last one happened.
    pub(in crate::risk) ts: Option<Nanos>,
    /// The last price.
    pub(in crate::risk) mark: Option<HalfUnits>,
    /// The one before.
    pub(in crate::risk) before: Option<HalfUnits>,
    /// Bid and ask of the last quote.
    pub(in crate::risk) quote: Option<(HalfUnits, HalfUnits)>,
}

impl Seen {
    #[inline]
    pub(in crate::risk) fn take_in(&mut self, ts: Nanos, mark: HalfUnits, ask: Option<HalfUnits>) {
        self.ts = self.ts.max(Some(ts));
        self.before = self.mark;
        self.mark = Some(mark);
        if let Some(ask) = ask {
            // A quote's mark is the sum of both in units, which is their mean in half units.
            self.quote = Some((2 * mark - ask, ask));
        }
    }
}
