//! Joins a run with its risk process: it has to be there when the run begins.

use std::sync::Arc;

use flume::{Receiver, Sender};
use tokio::runtime::Runtime;

use crate::commit::Writer;
use crate::error::Error;
use crate::guard::{Link, Lost, RiskLink};
use crate::limits;

use super::gatekeeper::{Ends, Gatekeeper};
use super::join::OrderEnds;
use super::kill_switch::KillSwitch;
use super::order_engine::{OrderMessage, Told};
use super::paper::PaperVenue;
use super::risk_port::{RiskPort, state_of};

/// The way of orders, into which the process is put.
pub(super) struct Way<'a> {
    /// From the commit thread to the order engine: what the latter reads is what has passed.
    messages: &'a mut (Sender<OrderMessage>, Receiver<OrderMessage>),
    /// To the commit thread.
    told: &'a Sender<Told>,
    /// The venue, which may know orders of before.
    venue: &'a PaperVenue,
    /// How many traders there are.
    traders: usize,
}

impl<'a> Way<'a> {
    pub(super) const fn of(ends: &'a mut OrderEnds, venue: &'a PaperVenue, traders: usize) -> Self {
        Self {
            messages: &mut ends.0,
            told: &ends.2.0,
            venue,
            traders,
        }
    }
}

/// Connects, tells the account, and puts the process before the order engine, where there is one.
///
/// # Errors
/// When it is not there, does not answer, or does not see the account that it was told.
pub(super) fn join(
    runtime: &Runtime,
    (spec, switch): (Option<RiskLink>, &Arc<KillSwitch>),
    writer: &mut Writer,
    way: Way<'_>,
) -> Result<Option<RiskPort>, Error> {
    let Some(spec) = spec else { return Ok(None) };
    let port = RiskPort::new(writer);
    let state = state_of(writer);
    let link = runtime
        .block_on(async {
            let mut link = Link::connect(spec.clone()).await?;
            link.reconcile(&state, spec.timeout).await?;
            Ok(link)
        })
        .map_err(|lost| unreachable(&spec, &lost))?;
    let (out, passed) = flume::bounded(limits::order_messages(way.traders));
    let ends = Ends {
        messages: std::mem::replace(&mut way.messages.1, passed),
        out,
        told: way.told.clone(),
        left: way.venue.left(),
        switch: Arc::clone(switch),
    };
    runtime.spawn(Gatekeeper::new(spec, link, ends).run());
    Ok(Some(port))
}

fn unreachable(spec: &RiskLink, lost: &Lost) -> Error {
    let path = spec.path.display();
    let way_out = match lost {
        Lost::Gone(_) => {
            format!(
                "start it with pairloom risk --socket {path}, and end every other engine that uses it"
            )
        }
        Lost::Slow => {
            "end every other engine that uses it, or give it more time with risk_timeout".to_owned()
        }
        Lost::Foreign(_) => "start one as this user, on a socket of its own".to_owned(),
        Lost::Sorry(_) => "mend that, or start it with other limits".to_owned(),
        Lost::Malformed(_) | Lost::Differs => {
            "start it again with this version of Pairloom".to_owned()
        }
    };
    Error::config(
        "risk.unreachable",
        format!("risk_socket={path}: the risk process cannot be asked: {lost}; {way_out}"),
    )
}
