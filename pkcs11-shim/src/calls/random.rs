//! Random numbers (PKCS#11 3.2 section 5.19), from the operating system.

use crate::{
    error::{Error, Result},
    ffi::{InBuf, OutFill},
    module::Module,
};

/// C_SeedRandom (section 5.19.1): the operating system's generator needs no seed, and callers mean well.
pub fn seed(module: &Module, session: u64, seed: InBuf) -> Result<()> {
    module.with(|running| running.sessions.get(session).map(drop))?;
    seed.bytes().map(drop)
}

/// C_GenerateRandom (section 5.19.2).
pub fn generate(module: &Module, session: u64, out: OutFill) -> Result<()> {
    module.with(|running| running.sessions.get(session).map(drop))?;
    out.fill(|part| getrandom::fill(part).map_err(|_| Error::FunctionFailed))
}
