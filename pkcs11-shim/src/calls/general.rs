//! General-purpose functions (PKCS#11 3.2 section 5.4).

use cryptoki_sys as ck;

use crate::{
    config::Config,
    error::{Error, Result},
    ffi::{self, InitArgs, OutValue},
    module::Module,
    slot::{padded, version},
};

/// C_Initialize (section 5.4.1). Never connects: the first call that needs the daemon does.
pub fn initialize(module: &Module, args: InitArgs) -> Result<()> {
    let reserved = args.parse()?;
    ffi::prepare_process();
    module.initialise(|| Config::load(reserved.as_deref()))
}

/// C_Finalize (section 5.4.2).
pub fn finalize(module: &Module, reserved_is_null: bool) -> Result<()> {
    if reserved_is_null { module.finalise() } else { Err(Error::ArgumentsBad) }
}

/// C_GetInfo (section 5.4.3).
pub fn info(out: OutValue<ck::CK_INFO>) -> Result<()> {
    out.set(ck::CK_INFO {
        cryptokiVersion: ck::CK_VERSION { major: 3, minor: 2 },
        manufacturerID: padded("Softkeep"),
        flags: 0,
        libraryDescription: padded("Softkeep PKCS#11 module"),
        libraryVersion: version(),
    })
}

/// C_GetFunctionStatus and C_CancelFunction (section 5.20): legacy, and this is their only answer.
pub fn not_parallel() -> Result<()> {
    Err(Error::FunctionNotParallel)
}
