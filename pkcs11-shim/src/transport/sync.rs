//! The lock types of the transport, in one place so that a model checker's can take their stead. No logic lives here.

pub(super) use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};

/// Locks, also after a panic elsewhere: a panic in a call marks its connection dead, so what it left half-done is never
/// used.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
