//! What a plug-in asks for before its first event.

use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};

use pairloom_strategy::abi;

use crate::indicator::{IndicatorId, Kind, Spec};
use crate::market::Field;

use super::super::{SetupCtx, SystemCtx};

/// A number that the plug-in reads at each event.
#[derive(Clone, Copy, Debug)]
pub(super) enum Slot {
    /// An output of an indicator, so many events ago.
    Indicator {
        id: IndicatorId,
        output: u8,
        back: usize,
    },
    /// A column of the data.
    Column(Field),
}

impl Slot {
    #[inline]
    pub(super) fn read(self, ctx: &SystemCtx<'_>) -> f64 {
        match self {
            Self::Indicator { id, output, back } => ctx.graph.history(id, output, back),
            Self::Column(field) => ctx.event.map_or(f64::NAN, |event| event.field(field)),
        }
    }
}

/// What the plug-in's two functions of `setup` work on.
struct Host<'a, 'b> {
    ctx: &'a mut SetupCtx<'b>,
    slots: Vec<Slot>,
}

/// Lends what `setup` may do; gives the call's status and what it asked for.
pub(super) fn run(
    ctx: &mut SetupCtx<'_>,
    call: impl FnOnce(*mut abi::Setup) -> i32,
) -> (i32, Vec<Slot>) {
    let (pair, kind) = (abi::Text::new(ctx.pair), ctx.kind as u32);
    let mut host = Host {
        ctx,
        slots: Vec::new(),
    };
    let mut raw = abi::Setup {
        size: size_of::<abi::Setup>() as u32,
        kind,
        pair,
        host: (&raw mut host).cast(),
        indicator,
        column,
    };
    let status = call(&raw mut raw);
    (status, host.slots)
}

unsafe extern "C" fn indicator(
    host: *mut c_void,
    request: *const abi::IndicatorRequest,
    message: *mut abi::Message,
) -> i64 {
    // SAFETY: `host` is what `run` lent, nobody else uses it during `setup`; request and message are the plug-in's.
    let (host, request, message) =
        unsafe { (&mut *host.cast::<Host<'_, '_>>(), &*request, message) };
    // SAFETY: the message is the plug-in's, lent for this call.
    unsafe { answered(message, || add(host, request)) }
}

unsafe extern "C" fn column(host: *mut c_void, name: abi::Text, message: *mut abi::Message) -> i64 {
    // SAFETY: as in `indicator`.
    let (host, name) = unsafe { (&mut *host.cast::<Host<'_, '_>>(), name.read()) };
    let find = || {
        let field = host
            .ctx
            .field(name)
            .ok_or_else(|| no_column(host.ctx, name))?;
        host.slots.push(Slot::Column(field));
        Ok(host.slots.len() - 1)
    };
    // SAFETY: as in `indicator`.
    unsafe { answered(message, find) }
}

/// # Safety
/// `message` is one that may be written.
unsafe fn answered(
    message: *mut abi::Message,
    call: impl FnOnce() -> Result<usize, String>,
) -> i64 {
    // The engine must not unwind into a plug-in either.
    let said = match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(slot)) => return i64::try_from(slot).unwrap_or(-1),
        Ok(Err(said)) => said,
        Err(_) => "the engine failed at this request".to_owned(),
    };
    // SAFETY: the caller promises the message.
    unsafe { (*message).write(&said) };
    -1
}

fn add(host: &mut Host<'_, '_>, request: &abi::IndicatorRequest) -> Result<usize, String> {
    // SAFETY: names and parameters are the plug-in's, lent for this call.
    let (name, on, given) = unsafe {
        let given = if request.parameter_count == 0 {
            &[]
        } else {
            std::slice::from_raw_parts(request.parameters, request.parameter_count)
        };
        (request.kind.read(), request.on.read(), given)
    };
    let parameters: Vec<(&str, f64)> = given
        .iter()
        // SAFETY: as above.
        .map(|parameter| (unsafe { parameter.name.read() }, parameter.number))
        .collect();
    let kind = Kind::from_parameters(name, &parameters).map_err(|error| error.to_string())?;
    let keep = (request.keep.max(1)) as usize;
    let mut spec = Spec::new(kind).keep(keep.max(2));
    if !on.is_empty() {
        spec = spec.on(host.ctx.field(on).ok_or_else(|| no_column(host.ctx, on))?);
    }
    if let Ok(slot) = usize::try_from(request.of) {
        match host.slots.get(slot) {
            Some(&Slot::Indicator { id, output, .. }) => spec = spec.of(id, output),
            _ => return Err(format!("{name}: slot {slot} is no indicator's")),
        }
    }
    if request.required == 0 {
        spec = spec.optional();
    }
    let outputs = kind.outputs().len();
    let id = host
        .ctx
        .indicator(spec)
        .map_err(|error| error.to_string())?;
    let first = host.slots.len();
    for output in 0..u8::try_from(outputs).unwrap_or(u8::MAX) {
        host.slots
            .extend((0..keep).map(|back| Slot::Indicator { id, output, back }));
    }
    Ok(first)
}

fn no_column(ctx: &SetupCtx<'_>, name: &str) -> String {
    let extra: Vec<&str> = ctx
        .extra
        .iter()
        .map(|column| column.name.as_str())
        .collect();
    let has = if extra.is_empty() {
        String::new()
    } else {
        format!(" and {}", extra.join(", "))
    };
    format!(
        "{} has no column {name:?}; it has those of a {}{has}",
        ctx.pair,
        ctx.kind.name()
    )
}
