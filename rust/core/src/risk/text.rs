//! Limits as a text that says all of them and can be read again: for the journal, and for another process.
//!
//! The first line names the form. A line `account`, or `trader` and its name, begins a scope; each line below it, which
//! begins with a tab, gives a control, whom it is for and the number: `=` is for every pair, `*` for all pairs that are
//! not named, and `!` says that the control is on and names nobody. Parts of a line are separated by tabs.

use rust_decimal::Decimal;

use crate::domain::Nanos;

use super::spec::{ByPair, Hours, LimitSpec, Pace, Pairs, RiskSpec};

const FORM: &str = "limits 1";
const ALL: &str = "=";
const OTHERS: &str = "*";
const NOBODY: &str = "!";

/// A number in a line.
trait Word: Sized {
    fn write(&self) -> String;
    fn read(text: &str) -> Option<Self>;
}

impl Word for Decimal {
    fn write(&self) -> String {
        self.to_string()
    }

    fn read(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Word for Nanos {
    fn write(&self) -> String {
        self.to_string()
    }

    fn read(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Word for Pace {
    fn write(&self) -> String {
        format!("{}/{}", self.count, self.nanos)
    }

    fn read(text: &str) -> Option<Self> {
        let (count, nanos) = text.split_once('/')?;
        Some(Self {
            count: count.parse().ok()?,
            nanos: nanos.parse().ok().filter(|&nanos| nanos > 0)?,
        })
    }
}

impl Word for (Decimal, Decimal) {
    fn write(&self) -> String {
        format!("{}/{}", self.0, self.1)
    }

    fn read(text: &str) -> Option<Self> {
        let (low, high) = text.split_once('/')?;
        Some((low.parse().ok()?, high.parse().ok()?))
    }
}

impl Word for Hours {
    fn write(&self) -> String {
        let each = self.iter().map(|(open, close)| format!("{open}..{close}"));
        each.collect::<Vec<_>>().join(",")
    }

    fn read(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self::from([]));
        }
        let each = |part: &str| {
            let (open, close) = part.split_once("..")?;
            Some((open.parse().ok()?, close.parse().ok()?))
        };
        text.split(',').map(each).collect()
    }
}

/// A name with nothing in it that would end a part or a line.
fn escaped(name: &str) -> String {
    let name = name.replace('\\', "\\\\").replace('\t', "\\t");
    let name = name.replace('\n', "\\n").replace('\r', "\\r");
    // A pair may not be taken for one of the signs.
    match name.as_str() {
        ALL | OTHERS | NOBODY => format!("\\{name}"),
        _ => name,
    }
}

fn unescaped(text: &str) -> Option<String> {
    let mut name = String::with_capacity(text.len());
    let mut signs = text.chars();
    while let Some(sign) = signs.next() {
        name.push(match sign {
            '\\' => match signs.next()? {
                't' => '\t',
                'n' => '\n',
                'r' => '\r',
                other => other,
            },
            other => other,
        });
    }
    Some(name)
}

/// Writes the lines of one scope.
struct Lines(String);

impl Lines {
    fn line(&mut self, control: &str, whom: &str, number: &str) {
        for part in ["\t", control, "\t", whom, "\t", number, "\n"] {
            self.0.push_str(part);
        }
    }

    fn by_pair<T: Word>(&mut self, control: &str, limit: &ByPair<T>) {
        match limit {
            ByPair::Off => {}
            ByPair::All(limit) => self.line(control, ALL, &limit.write()),
            ByPair::Each { pairs, default } => {
                if pairs.is_empty() && default.is_none() {
                    self.line(control, NOBODY, "");
                }
                for (pair, limit) in pairs {
                    self.line(control, &escaped(pair), &limit.write());
                }
                if let Some(default) = default {
                    self.line(control, OTHERS, &default.write());
                }
            }
        }
    }

    fn one<T: Word>(&mut self, control: &str, limit: Option<&T>) {
        if let Some(limit) = limit {
            self.line(control, ALL, &limit.write());
        }
    }

    fn flag(&mut self, control: &str, on: bool) {
        if on {
            self.line(control, ALL, "");
        }
    }

    fn pairs(&mut self, control: &str, pairs: &Pairs) {
        match pairs {
            Pairs::None => {}
            Pairs::All => self.line(control, ALL, ""),
            Pairs::These(pairs) if pairs.is_empty() => self.line(control, NOBODY, ""),
            Pairs::These(pairs) => {
                for pair in pairs {
                    self.line(control, &escaped(pair), "");
                }
            }
        }
    }

    fn limits(&mut self, limits: &LimitSpec) {
        self.by_pair("max_order_quantity", &limits.max_order_quantity);
        self.by_pair("max_order_notional", &limits.max_order_notional);
        self.by_pair("price_collar", &limits.price_collar);
        self.by_pair("price_band", &limits.price_band);
        self.by_pair("max_position", &limits.max_position);
        self.one("max_gross_exposure", limits.max_gross_exposure.as_ref());
        self.one("max_net_exposure", limits.max_net_exposure.as_ref());
        self.by_pair("max_order_rate", &limits.max_order_rate);
        self.by_pair("max_cancel_rate", &limits.max_cancel_rate);
        self.one("max_repeats", limits.max_repeats.as_ref());
        self.one("duplicate_window", limits.duplicate_window.as_ref());
        self.flag("prevent_self_trade", limits.prevent_self_trade);
        self.flag("cancel_on_disconnect", limits.cancel_on_disconnect);
        self.one("max_daily_loss", limits.max_daily_loss.as_ref());
        self.one("max_drawdown", limits.max_drawdown.as_ref());
        self.by_pair("max_data_age", &limits.max_data_age);
        self.flag("refuse_crossed_quotes", limits.refuse_crossed_quotes);
        self.by_pair("max_price_gap", &limits.max_price_gap);
        self.flag("known_instruments_only", limits.known_instruments_only);
        self.pairs("halted", &limits.halted);
        self.pairs("restricted", &limits.restricted);
        self.by_pair("session", &limits.session);
        self.pairs("reduce_only", &limits.reduce_only);
    }
}

fn read_by_pair<T: Word>(limit: &mut ByPair<T>, whom: &str, number: &str) -> Option<()> {
    if whom == ALL {
        *limit = ByPair::All(T::read(number)?);
        return Some(());
    }
    if !matches!(limit, ByPair::Each { .. }) {
        *limit = ByPair::Each {
            pairs: Vec::new(),
            default: None,
        };
    }
    if let ByPair::Each { pairs, default } = limit {
        match whom {
            NOBODY => {}
            OTHERS => *default = Some(T::read(number)?),
            pair => pairs.push((unescaped(pair)?, T::read(number)?)),
        }
    }
    Some(())
}

fn read_pairs(pairs: &mut Pairs, whom: &str) -> Option<()> {
    if whom == ALL {
        *pairs = Pairs::All;
        return Some(());
    }
    if !matches!(pairs, Pairs::These(_)) {
        *pairs = Pairs::These(Vec::new());
    }
    if let Pairs::These(these) = pairs
        && whom != NOBODY
    {
        these.push(unescaped(whom)?);
    }
    Some(())
}

fn read_line(limits: &mut LimitSpec, control: &str, whom: &str, number: &str) -> Option<()> {
    match control {
        "max_order_quantity" => read_by_pair(&mut limits.max_order_quantity, whom, number)?,
        "max_order_notional" => read_by_pair(&mut limits.max_order_notional, whom, number)?,
        "price_collar" => read_by_pair(&mut limits.price_collar, whom, number)?,
        "price_band" => read_by_pair(&mut limits.price_band, whom, number)?,
        "max_position" => read_by_pair(&mut limits.max_position, whom, number)?,
        "max_gross_exposure" => limits.max_gross_exposure = Some(Word::read(number)?),
        "max_net_exposure" => limits.max_net_exposure = Some(Word::read(number)?),
        "max_order_rate" => read_by_pair(&mut limits.max_order_rate, whom, number)?,
        "max_cancel_rate" => read_by_pair(&mut limits.max_cancel_rate, whom, number)?,
        "max_repeats" => limits.max_repeats = Some(Word::read(number)?),
        "duplicate_window" => limits.duplicate_window = Some(Word::read(number)?),
        "prevent_self_trade" => limits.prevent_self_trade = true,
        "cancel_on_disconnect" => limits.cancel_on_disconnect = true,
        "max_daily_loss" => limits.max_daily_loss = Some(Word::read(number)?),
        "max_drawdown" => limits.max_drawdown = Some(Word::read(number)?),
        "max_data_age" => read_by_pair(&mut limits.max_data_age, whom, number)?,
        "refuse_crossed_quotes" => limits.refuse_crossed_quotes = true,
        "max_price_gap" => read_by_pair(&mut limits.max_price_gap, whom, number)?,
        "known_instruments_only" => limits.known_instruments_only = true,
        "halted" => read_pairs(&mut limits.halted, whom)?,
        "restricted" => read_pairs(&mut limits.restricted, whom)?,
        "session" => read_by_pair(&mut limits.session, whom, number)?,
        "reduce_only" => read_pairs(&mut limits.reduce_only, whom)?,
        _ => return None,
    }
    Some(())
}

impl RiskSpec {
    /// All limits as a text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut lines = Lines(format!("{FORM}\naccount\n"));
        lines.limits(&self.account);
        for (name, limits) in &self.traders {
            lines.0.push_str(&format!("trader\t{}\n", escaped(name)));
            lines.limits(limits);
        }
        lines.0
    }

    /// The limits that a text says; `None` when it says none, or what is not understood.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut lines = text.split_terminator('\n');
        if lines.next()? != FORM || lines.next()? != "account" {
            return None;
        }
        let mut spec = Self::default();
        for line in lines {
            if let Some(name) = line.strip_prefix("trader\t") {
                spec.traders.push((unescaped(name)?, LimitSpec::default()));
                continue;
            }
            let mut parts = line.strip_prefix('\t')?.split('\t');
            let (control, whom, number) = (parts.next()?, parts.next()?, parts.next()?);
            if parts.next().is_some() {
                return None;
            }
            let scope = match spec.traders.last_mut() {
                Some((_, limits)) => limits,
                None => &mut spec.account,
            };
            read_line(scope, control, whom, number)?;
        }
        Some(spec)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::risk::test_support::decimal;

    fn limits(by: &ByPair<Decimal>, pairs: &Pairs, pace: Option<Pace>, on: bool) -> LimitSpec {
        let number = Decimal::new(-123, 28);
        let in_bands = ByPair::Each {
            pairs: vec![("A/B".to_owned(), (number, decimal("10.50")))],
            default: None,
        };
        let hours: Hours = Hours::from([(-5, 7), (8, i64::MAX)]);
        LimitSpec {
            max_order_quantity: by.clone(),
            max_order_notional: by.clone(),
            price_collar: by.clone(),
            price_band: in_bands,
            max_position: by.clone(),
            max_gross_exposure: on.then_some(number),
            max_net_exposure: Some(decimal("3.0")),
            max_order_rate: pace.map_or(ByPair::Off, ByPair::All),
            max_cancel_rate: ByPair::Each {
                pairs: Vec::new(),
                default: pace,
            },
            max_repeats: pace,
            duplicate_window: on.then_some(5),
            prevent_self_trade: on,
            cancel_on_disconnect: !on,
            max_daily_loss: Some(number),
            max_drawdown: on.then_some(number),
            max_data_age: ByPair::All(9),
            refuse_crossed_quotes: !on,
            max_price_gap: by.clone(),
            known_instruments_only: on,
            halted: pairs.clone(),
            restricted: Pairs::All,
            session: ByPair::Each {
                pairs: vec![("C/D".to_owned(), hours)],
                default: Some(Hours::from([])),
            },
            reduce_only: pairs.clone(),
        }
    }

    fn by_pair() -> impl Strategy<Value = ByPair<Decimal>> {
        let number = any::<i64>().prop_map(|mantissa| Decimal::new(mantissa, 8));
        let each = proptest::collection::vec((any::<String>(), number.clone()), 0..4);
        prop_oneof![
            Just(ByPair::Off),
            number.clone().prop_map(ByPair::All),
            (each, proptest::option::of(number))
                .prop_map(|(pairs, default)| ByPair::Each { pairs, default }),
        ]
    }

    fn named() -> impl Strategy<Value = Pairs> {
        prop_oneof![
            Just(Pairs::None),
            Just(Pairs::All),
            proptest::collection::vec(any::<String>(), 0..4).prop_map(Pairs::These),
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(
            by in by_pair(), pairs in named(), count in any::<Option<u32>>(), on in any::<bool>(),
            names in proptest::collection::vec(any::<String>(), 0..3),
        ) {
            let pace = count.map(|count| Pace { count, nanos: 1_000_000_007 });
            let account = limits(&by, &pairs, pace, on);
            let traders = names.into_iter().map(|name| (name, limits(&by, &pairs, pace, !on)));
            let spec = RiskSpec { account, traders: traders.collect() };
            prop_assert_eq!(RiskSpec::parse(&spec.text()), Some(spec));
        }

        #[test]
        fn no_text_is_too_strange(text in any::<String>(), cut in any::<prop::sample::Index>()) {
            let _ = RiskSpec::parse(&text);
            let whole = RiskSpec { account: limits(&ByPair::Off, &Pairs::All, None, true), ..RiskSpec::default() }.text();
            let _ = RiskSpec::parse(&whole[..cut.index(whole.len())]);
            let _ = RiskSpec::parse(&format!("{FORM}\naccount\n{text}"));
        }
    }

    #[test]
    fn no_limits_are_a_text_too() {
        let spec = RiskSpec::default();
        assert_eq!(spec.text(), "limits 1\naccount\n");
        assert_eq!(RiskSpec::parse(&spec.text()), Some(spec));
        for wrong in [
            "",
            "limits 2\naccount\n",
            "limits 1\n",
            "limits 1\naccount\n\tmax_order_rate\t=\t5/0\n",
        ] {
            assert_eq!(RiskSpec::parse(wrong), None, "{wrong:?}");
        }
    }
}
