//! The proof that the gate has seen an order.

/// Something the gate has approved. Only the gate can make one, and it is used up when it is sent.
#[derive(Debug)]
pub struct Approved<T>(T);

impl<T> Approved<T> {
    pub(super) const fn new(inner: T) -> Self {
        Self(inner)
    }

    /// What was approved, for reading.
    pub const fn get(&self) -> &T {
        &self.0
    }

    /// What was approved, for sending it.
    pub fn into_inner(self) -> T {
        self.0
    }
}
