//! Joins a run with its risk process: it has to be there when the run begins.

use std::collections::HashSet;

use flume::{Receiver, Sender};
use tokio::runtime::Runtime;

use crate::commit::Writer;
use crate::error::Error;
use crate::guard::{Link, Lost, RiskLink};
use crate::limits;
use crate::order::OrderId;

use super::gatekeeper::{Ends, Gatekeeper};
use super::order_engine::{OrderMessage, Told};
use super::risk_port::{RiskPort, state_of};

/// The way of orders, into which the process is put.
pub(super) struct Way<'a> {
    /// From the commit thread to the order engine: what the latter reads is what has passed.
    pub messages: &'a mut (Sender<OrderMessage>, Receiver<OrderMessage>),
    /// To the commit thread.
    pub told: &'a Sender<Told>,
    /// How many traders there are.
    pub traders: usize,
    /// Orders of before that the broker knows.
    pub left: HashSet<OrderId>,
}

/// Connects, tells the account, and puts the process before the order engine.
///
/// # Errors
/// When it is not there, does not answer, or does not see the account that it was told.
pub(super) fn join(
    runtime: &Runtime,
    spec: RiskLink,
    writer: &mut Writer,
    way: Way<'_>,
) -> Result<RiskPort, Error> {
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
    let messages = std::mem::replace(&mut way.messages.1, passed);
    let ends = Ends {
        messages,
        out,
        told: way.told.clone(),
        left: way.left,
    };
    runtime.spawn(Gatekeeper::new(spec, link, ends).run());
    Ok(port)
}

fn unreachable(spec: &RiskLink, lost: &Lost) -> Error {
    let path = spec.path.display();
    Error::config(
        "risk.unreachable",
        format!(
            "risk_socket={path}: the risk process cannot be asked: {lost}; start it with pairloom risk --socket {path}, and end \
             every other engine that uses it"
        ),
    )
}
