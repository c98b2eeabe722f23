//! What a plug-in gives back, checked and turned into the engine's terms.

use std::mem::MaybeUninit;

use pairloom_strategy::abi;

use crate::domain::{Amount, Side};
use crate::limits::{PLUGIN_MESSAGE, PLUGIN_REQUESTS};
use crate::signal::{SizeSpec, TimeInForce, TradeSignal};

use super::super::{Orders, SystemCtx};

/// Room for what a plug-in writes. Left as it is, since most calls write nothing.
pub(super) struct Room {
    requests: [MaybeUninit<abi::Request>; PLUGIN_REQUESTS],
    message: [MaybeUninit<u8>; PLUGIN_MESSAGE],
}

impl Room {
    #[inline]
    pub(super) const fn new() -> Self {
        Self {
            requests: [const { MaybeUninit::uninit() }; PLUGIN_REQUESTS],
            message: [const { MaybeUninit::uninit() }; PLUGIN_MESSAGE],
        }
    }

    /// A message without text, with room for it here.
    #[inline]
    pub(super) const fn message(&mut self) -> abi::Message {
        abi::Message {
            data: self.message.as_mut_ptr().cast(),
            capacity: PLUGIN_MESSAGE,
            len: 0,
        }
    }

    /// An answer without content, with room for requests and a message here.
    #[inline]
    pub(super) const fn answer(&mut self, next_id: u64) -> abi::Answer {
        abi::Answer {
            size: size_of::<abi::Answer>() as u32,
            signal: abi::SIGNAL_NONE,
            size_unit: abi::SIZE_OWN,
            has_limit: 0,
            signal_size: 0.0,
            signal_limit: 0.0,
            next_id,
            requests: self.requests.as_mut_ptr().cast(),
            request_capacity: PLUGIN_REQUESTS,
            request_count: 0,
            message: self.message(),
        }
    }

    /// What was written into the message.
    pub(super) fn said(&self, message: &abi::Message) -> String {
        let len = message.len.min(PLUGIN_MESSAGE);
        // SAFETY: the interface asks that the first `len` bytes are written.
        let bytes = unsafe { std::slice::from_raw_parts(self.message.as_ptr().cast::<u8>(), len) };
        if bytes.is_empty() {
            return "it does not say why".to_owned();
        }
        String::from_utf8_lossy(bytes).into_owned()
    }

    /// Takes requests and signal over.
    #[inline]
    pub(super) fn take(
        &self,
        answer: &abi::Answer,
        ctx: &mut SystemCtx<'_>,
    ) -> Result<Option<TradeSignal>, String> {
        self.take_into(answer, ctx.orders)
    }

    /// The same into a trader's orders.
    #[inline]
    pub(super) fn take_into(
        &self,
        answer: &abi::Answer,
        orders: &mut Orders,
    ) -> Result<Option<TradeSignal>, String> {
        if answer.request_count != 0 {
            if answer.request_count > PLUGIN_REQUESTS {
                return Err(format!(
                    "it asked for {} orders where there is room for {PLUGIN_REQUESTS}",
                    answer.request_count
                ));
            }
            for request in &self.requests[..answer.request_count] {
                // SAFETY: the interface asks that the first `request_count` requests are written.
                take_request(unsafe { request.assume_init_ref() }, orders)?;
            }
        }
        signal(answer)
    }
}

fn take_request(request: &abi::Request, orders: &mut Orders) -> Result<(), String> {
    let amount = |number: f64| (!number.is_nan()).then(|| Amount::from_f64(number));
    let side = match request.action {
        abi::BUY => Side::Buy,
        abi::SELL => Side::Sell,
        abi::REPLACE => {
            orders.replace(request.id, amount(request.quantity), amount(request.limit));
            return Ok(());
        }
        abi::CANCEL => {
            orders.cancel(Some(request.id));
            return Ok(());
        }
        abi::CANCEL_ALL => {
            orders.cancel(None);
            return Ok(());
        }
        other => return Err(format!("request {other} is none of the interface's")),
    };
    let tif = match request.tif {
        abi::GTC => TimeInForce::GoodTillCancelled,
        abi::IOC => TimeInForce::ImmediateOrCancel,
        abi::FOK => TimeInForce::FillOrKill,
        other => return Err(format!("time in force {other} is none of the interface's")),
    };
    let tag = request
        .tag
        .get(..request.tag_len as usize)
        .ok_or_else(|| format!("a tag of {} bytes is too long", request.tag_len))?;
    let tag = (!tag.is_empty()).then(|| String::from_utf8_lossy(tag).into_owned());
    let id = orders.order(
        side,
        Amount::from_f64(request.quantity),
        amount(request.limit),
        request.reduce_only != 0,
        tif,
        tag,
    );
    if id == request.id {
        return Ok(());
    }
    Err(format!(
        "it numbers an order {} where the next number is {id}",
        request.id
    ))
}

#[inline]
fn signal(answer: &abi::Answer) -> Result<Option<TradeSignal>, String> {
    let side = match answer.signal {
        abi::SIGNAL_NONE => return Ok(None),
        abi::SIGNAL_LONG => Side::Buy,
        abi::SIGNAL_SHORT => Side::Sell,
        abi::SIGNAL_CLOSE => return Ok(Some(TradeSignal::Close)),
        abi::SIGNAL_REVERSE => return Ok(Some(TradeSignal::Reverse)),
        abi::SIGNAL_TARGET => {
            return match size(answer)? {
                Some(size) => Ok(Some(TradeSignal::Target(size))),
                None => Err("a target without a size is no signal".to_owned()),
            };
        }
        other => return Err(format!("signal {other} is none of the interface's")),
    };
    Ok(Some(TradeSignal::Side {
        side,
        size: size(answer)?,
        limit: (answer.has_limit != 0).then(|| Amount::from_f64(answer.signal_limit)),
    }))
}

#[inline]
fn size(answer: &abi::Answer) -> Result<Option<SizeSpec>, String> {
    let amount = || Amount::from_f64(answer.signal_size);
    Ok(Some(match answer.size_unit {
        abi::SIZE_OWN => return Ok(None),
        abi::SIZE_BASE => SizeSpec::Base(amount()),
        abi::SIZE_QUOTE => SizeSpec::Quote(amount()),
        abi::SIZE_EQUITY => SizeSpec::Equity(amount()),
        other => return Err(format!("size unit {other} is none of the interface's")),
    }))
}
