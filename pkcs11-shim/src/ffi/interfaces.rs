//! The list of interfaces (PKCS#11 3.2 section 5.4): "PKCS 11" 3.2, 3.0 and 2.40, newest first.

use std::{
    ffi::{CStr, c_void},
    ptr,
};

use cryptoki_sys::{CK_FLAGS, CK_FUNCTION_LIST, CK_INTERFACE, CK_UTF8CHAR, CK_VERSION, CKF_INTERFACE_FORK_SAFE};

use super::{
    table::{FUNCTIONS_2_40, FUNCTIONS_3_0, FUNCTIONS_3_2},
    views::{OutList, OutValue},
};
use crate::error::{Error, Result};

const NAME: &CStr = c"PKCS 11";

struct Interfaces([CK_INTERFACE; 3]);

// SAFETY: the pointers are to constants.
unsafe impl Sync for Interfaces {}

const fn interface(functions: *const c_void) -> CK_INTERFACE {
    CK_INTERFACE {
        pInterfaceName: NAME.as_ptr().cast_mut().cast(),
        pFunctionList: functions.cast_mut(),
        flags: CKF_INTERFACE_FORK_SAFE,
    }
}

static INTERFACES: Interfaces = Interfaces([
    interface((&raw const FUNCTIONS_3_2).cast()),
    interface((&raw const FUNCTIONS_3_0).cast()),
    interface((&raw const FUNCTIONS_2_40).cast()),
]);

/// The versions of [`INTERFACES`], in its order.
const VERSIONS: [CK_VERSION; 3] =
    [CK_VERSION { major: 3, minor: 2 }, CK_VERSION { major: 3, minor: 0 }, CK_VERSION { major: 2, minor: 40 }];

/// C_GetFunctionList: exactly 2.40, because programs older than 3.0 compare for equality.
pub fn function_list(out: OutValue<*mut CK_FUNCTION_LIST>) -> Result<()> {
    out.set((&raw const FUNCTIONS_2_40).cast_mut())
}

/// C_GetInterfaceList.
pub fn list(out: OutList<CK_INTERFACE>) -> Result<()> {
    out.fill(&INTERFACES.0)
}

/// C_GetInterface: the newest that fits what is asked for; NULL asks for nothing.
///
/// # Safety
/// `name` is NULL or a NUL-terminated string, `version` is NULL or valid to read.
pub unsafe fn get(
    name: *const CK_UTF8CHAR,
    version: *const CK_VERSION,
    out: OutValue<*mut CK_INTERFACE>,
    flags: CK_FLAGS,
) -> Result<()> {
    out.require()?;
    // SAFETY: NUL-terminated, says the caller.
    let named = name.is_null() || unsafe { CStr::from_ptr(name.cast()) } == NAME;
    let version = if version.is_null() {
        None
    } else {
        // SAFETY: valid to read, says the caller.
        let CK_VERSION { major, minor } = unsafe { ptr::read_unaligned(version) };
        Some((major, minor))
    };
    let fits =
        |index: &usize| version.is_none_or(|version| version == (VERSIONS[*index].major, VERSIONS[*index].minor));
    let index = (0..VERSIONS.len()).find(fits).filter(|_| named && flags & !CKF_INTERFACE_FORK_SAFE == 0);
    let interface = index.and_then(|index| INTERFACES.0.get(index)).ok_or(Error::FunctionFailed)?;
    out.set(ptr::from_ref(interface).cast_mut())
}
