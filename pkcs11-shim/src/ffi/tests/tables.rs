//! Function lists and interfaces.

use std::{ptr, slice};

use cryptoki_sys::*;

use super::super::table::*;

/// The function pointers of a list, as numbers: all that follows the version.
fn pointers<T>(list: *const T) -> &'static [usize] {
    let words = size_of::<T>() / size_of::<usize>();
    let all: &'static [usize] = unsafe { slice::from_raw_parts(list.cast::<usize>(), words) };
    &all[1..]
}

#[test]
fn no_list_has_a_hole() {
    for (list, count) in [
        (pointers(&raw const FUNCTIONS_2_40), 68),
        (pointers(&raw const FUNCTIONS_3_0), 92),
        (pointers(&raw const FUNCTIONS_3_2), NAMES.len()),
    ] {
        assert_eq!(list.len(), count);
        assert!(list.iter().all(|pointer| *pointer != 0));
    }
}

#[test]
fn the_old_list_says_2_40() {
    let mut list = ptr::null_mut();
    assert_eq!(unsafe { C_GetFunctionList(&mut list) }, CKR_OK);
    let version = unsafe { (*list).version };
    assert_eq!((version.major, version.minor), (2, 40));
    assert_eq!(unsafe { C_GetFunctionList(ptr::null_mut()) }, CKR_ARGUMENTS_BAD);
}

#[test]
fn interfaces_newest_first() {
    let mut count = 0;
    assert_eq!(unsafe { C_GetInterfaceList(ptr::null_mut(), ptr::null_mut()) }, CKR_ARGUMENTS_BAD);
    assert_eq!(unsafe { C_GetInterfaceList(ptr::null_mut(), &mut count) }, CKR_OK);
    assert_eq!(count, 3);
    let mut interfaces = [CK_INTERFACE::default(); 3];
    count = 2;
    assert_eq!(unsafe { C_GetInterfaceList(interfaces.as_mut_ptr(), &mut count) }, CKR_BUFFER_TOO_SMALL);
    assert_eq!(count, 3);
    assert_eq!(unsafe { C_GetInterfaceList(interfaces.as_mut_ptr(), &mut count) }, CKR_OK);
    let versions = interfaces.map(|interface| {
        let version = unsafe { *interface.pFunctionList.cast::<CK_VERSION>() };
        (version.major, version.minor)
    });
    assert_eq!(versions, [(3, 2), (3, 0), (2, 40)]);
    assert!(interfaces.iter().all(|interface| interface.flags == CKF_INTERFACE_FORK_SAFE));
}

fn check(name: Option<&[u8]>, version: Option<(u8, u8)>, flags: u64, expect: Result<(u8, u8), CK_RV>) {
    let name = name.map_or(ptr::null_mut(), |name| name.as_ptr().cast_mut());
    let mut version = version.map(|(major, minor)| CK_VERSION { major, minor });
    let version = version.as_mut().map_or(ptr::null_mut(), ptr::from_mut);
    let mut interface = ptr::null_mut();
    let got = match unsafe { C_GetInterface(name, version, &mut interface, flags) } {
        CKR_OK => {
            let version = unsafe { *(*interface).pFunctionList.cast::<CK_VERSION>() };
            Ok((version.major, version.minor))
        }
        rv => Err(rv),
    };
    assert_eq!(got, expect);
}

#[test]
fn one_interface() {
    check(None, None, 0, Ok((3, 2)));
    check(Some(b"PKCS 11\0"), None, 0, Ok((3, 2)));
    check(Some(b"PKCS 11\0"), Some((3, 0)), CKF_INTERFACE_FORK_SAFE, Ok((3, 0)));
    check(None, Some((2, 40)), 0, Ok((2, 40)));
    check(None, Some((3, 1)), 0, Err(CKR_FUNCTION_FAILED));
    check(Some(b"Vendor\0"), None, 0, Err(CKR_FUNCTION_FAILED));
    check(None, None, 2, Err(CKR_FUNCTION_FAILED));
}
