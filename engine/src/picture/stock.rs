//! Things that are lent, most often memory.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};

/// Things that are lent and come back: to make one costs more than to keep it.
#[derive(Debug)]
pub(crate) struct Stock<T>(Mutex<Vec<T>>);

/// A thing that goes back to its stock when it is dropped.
#[derive(Debug)]
pub(crate) struct Lease<T> {
    /// There until it is dropped.
    thing: Option<T>,
    stock: Arc<Stock<T>>,
}

impl<T> Default for Stock<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Stock<T> {
    /// Adds a thing.
    pub(crate) fn put(&self, thing: T) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(thing);
    }

    /// Lends a thing, a new one where all are out.
    ///
    /// # Errors
    /// That of `make`.
    pub(crate) fn take<E>(self: &Arc<Self>, make: impl FnOnce() -> Result<T, E>) -> Result<Lease<T>, E> {
        let free = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let thing = Some(free.map_or_else(make, Ok)?);
        Ok(Lease { thing, stock: Arc::clone(self) })
    }
}

impl<T> Deref for Lease<T> {
    type Target = T;

    fn deref(&self) -> &T {
        match &self.thing {
            Some(thing) => thing,
            None => unreachable!("only dropping takes it out"),
        }
    }
}

impl<T> DerefMut for Lease<T> {
    fn deref_mut(&mut self) -> &mut T {
        match &mut self.thing {
            Some(thing) => thing,
            None => unreachable!("only dropping takes it out"),
        }
    }
}

impl<T> Drop for Lease<T> {
    fn drop(&mut self) {
        if let Some(thing) = self.thing.take() {
            self.stock.put(thing);
        }
    }
}

#[cfg(test)]
impl<T> Stock<T> {
    /// Counts the things that are not lent.
    #[cfg_attr(not(feature = "gpu"), expect(dead_code, reason = "only buffers of a GPU are counted"))]
    pub(super) fn count(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}
