//! Tells the crate which interpreter it is built for, as `cfg` flags: `Py_GIL_DISABLED` above all.

fn main() {
    pyo3_build_config::use_pyo3_cfgs();
}
