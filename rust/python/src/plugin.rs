//! Strategies that come from other wheels, as capsules.

use std::ffi::CStr;
use std::path::PathBuf;

use pairloom_core::strategy::{ParameterValue, Plugin, PluginError, PluginStrategy};
use pairloom_strategy::abi;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyDict};

use crate::config::parameters_of;
use crate::errors::{CONFIG, shown};

/// The functions behind an object that a plug-in gave: a capsule, or an object that makes one.
fn load(object: &Bound<'_, PyAny>) -> PyResult<Plugin> {
    let py = object.py();
    let made = object
        .getattr_opt(intern!(py, "__pairloom_strategy__"))?
        .map(|make| make.call0())
        .transpose()?;
    let object = made.as_ref().unwrap_or(object);
    let name: &CStr = abi::CAPSULE;
    let capsule = object
        .cast::<PyCapsule>()
        .ok()
        .filter(|capsule| capsule.is_valid_checked(Some(name)));
    let Some(capsule) = capsule else {
        return Err(CONFIG.error(
            py,
            "config.plugin",
            &format!(
                "{} is no strategy of a plug-in: that is a capsule named {name:?}",
                shown(object)
            ),
        ));
    };
    let functions = capsule.pointer_checked(Some(name))?;
    // SAFETY: by its name the capsule holds the functions of a strategy. Their code stays, since modules are never
    // unloaded, and the interface asks that the name they hold lives for ever.
    unsafe { Plugin::load(functions.as_ptr().cast::<abi::Vtable>()) }
        .map_err(|error| raise(py, &error))
}

/// A strategy of a plug-in, for one trader.
pub(crate) fn plugin_strategy(
    object: &Bound<'_, PyAny>,
    parameters: &[(String, ParameterValue)],
) -> PyResult<PluginStrategy> {
    load(object)?
        .create(parameters)
        .map_err(|error| raise(object.py(), &error))
}

fn raise(py: Python<'_>, error: &PluginError) -> PyErr {
    let code = match error {
        PluginError::Version(_) => "config.plugin",
        PluginError::Parameter(_) => "config.parameter",
    };
    CONFIG.error(py, code, &error.to_string())
}

/// The file of the library that holds a plug-in's code, where the system tells: Linux does.
#[pyfunction]
pub(crate) fn plugin_library(plugin: &Bound<'_, PyAny>) -> PyResult<Option<PathBuf>> {
    let address = load(plugin)?.code();
    let Ok(maps) = std::fs::read_to_string("/proc/self/maps") else {
        return Ok(None);
    };
    Ok(maps.lines().find_map(|line| file_at(line, address)))
}

/// The file of a line `from-to permissions offset device inode path`, when the address lies there.
fn file_at(line: &str, address: usize) -> Option<PathBuf> {
    let (range, rest) = line.split_once(' ')?;
    let (from, to) = range.split_once('-')?;
    let number = |text| usize::from_str_radix(text, 16).ok();
    if !(number(from)?..number(to)?).contains(&address) {
        return None;
    }
    let path = rest.splitn(5, ' ').nth(4)?.trim_start();
    path.starts_with('/').then(|| PathBuf::from(path))
}

/// What a plug-in says of its strategy with these parameters: its name, the events that wake it (`None` for the first
/// kind its market has) and how many its window holds. Raises `ConfigError` where it refuses them.
#[pyfunction]
pub(crate) fn plugin_facts(
    plugin: &Bound<'_, PyAny>,
    parameters: &Bound<'_, PyDict>,
) -> PyResult<(&'static str, Option<Vec<&'static str>>, usize)> {
    let made = plugin_strategy(plugin, &parameters_of(parameters)?)?;
    let loaded = load(plugin)?;
    let events = loaded
        .events()
        .map(|kinds| kinds.iter().map(|kind| kind.name()).collect());
    Ok((loaded.name(), events, made.window()))
}
