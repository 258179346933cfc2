//! The boundary to C, and the only `unsafe` of the module: the guard that every entry point runs in, and below it the
//! table of entry points, the views that hold raw pointers, and the fork handlers. What a call does is `calls`'.

use std::panic::{AssertUnwindSafe, catch_unwind};

use cryptoki_sys::{CK_RV, CKR_GENERAL_ERROR, CKR_OK};

use crate::{
    error::{Error, Result},
    module::{MODULE, Module},
};

mod fork;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod interfaces;
mod message;
mod parameters;
mod table;
mod template;
mod views;
mod wrap_parameters;

/// Whether the kernel started this program with more rights than its caller has: set-user-ID, set-group-ID or file
/// capabilities (AT_SECURE, getauxval(3)).
pub fn is_secure_execution() -> bool {
    // SAFETY: getauxval takes a number and reads a vector that the kernel made at the start.
    unsafe { libc::getauxval(libc::AT_SECURE) != 0 }
}

#[cfg(test)]
mod tests;

pub use fork::prepare_process;
pub use message::{MessageArg, MessageParameter};
pub use template::{AttributesOut, Template};
pub use views::{InBuf, InitArgs, MechanismArg, OutArray, OutBuf, OutFill, OutList, OutValue, Room};

/// Runs a call of an initialised module. NOT_INITIALIZED comes before any look at the arguments.
fn initialised(name: &'static str, body: impl FnOnce(&Module) -> Result<()>) -> CK_RV {
    guard(name, |module| {
        module.require_initialised()?;
        body(module).map_err(|error| match error {
            // C_Finalize ends the calls of other threads; this is the reason they have in PKCS#11.
            Error::NoAnswer(_) => module.require_initialised().err().unwrap_or(error),
            error => error,
        })
    })
}

/// Runs a call that may come at any time.
fn anytime(name: &'static str, body: impl FnOnce(&Module) -> Result<()>) -> CK_RV {
    guard(name, body)
}

/// A panic must not cross into C: it would end the host (PKCS#11 knows GENERAL_ERROR for that).
fn guard(name: &'static str, body: impl FnOnce(&Module) -> Result<()>) -> CK_RV {
    let errno = Errno::save();
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let result = fork::check(&MODULE).and_then(|()| body(&MODULE));
        if let Err(error) = &result {
            MODULE.log().failure(name, error);
        }
        result.map_or_else(|error| error.returned_by(name), |()| CKR_OK)
    }));
    drop(errno);
    // The payload of a panic may panic in its own destructor; nothing of ours is worth that.
    outcome.unwrap_or_else(|payload| {
        std::mem::forget(payload);
        CKR_GENERAL_ERROR
    })
}

/// Calls that exist so that no table has a hole.
fn unsupported(_: &Module) -> Result<()> {
    Err(Error::FunctionNotSupported)
}

/// The caller's `errno`: PKCS#11 reports by return value, and hosts do not expect it to change.
struct Errno(i32);

impl Errno {
    fn save() -> Self {
        // SAFETY: the location is this thread's own and always valid.
        Self(unsafe { *libc::__errno_location() })
    }
}

impl Drop for Errno {
    fn drop(&mut self) {
        // SAFETY: as in `save`.
        unsafe { *libc::__errno_location() = self.0 }
    }
}
