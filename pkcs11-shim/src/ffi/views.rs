//! Views: the arguments of an entry point as safe values. They, and those of `template`, are the only holders of raw
//! pointers. A view is made for one call and does not outlive it; lengths are checked before anything is read.

use std::{ffi::c_void, ptr, slice};

use cryptoki_sys as ck;

use super::parameters;
use crate::{
    error::{Error, Result},
    mechanism::{self, Mechanism, Row},
};

/// The longest initialisation string that is looked at.
const MAX_INIT_STRING_BYTES: usize = 4096;

/// More than any process has memory for, on processors with addresses of 48 bits. Such a length was never set, and
/// reading so far would end the process.
const MAX_LENGTH_BYTES: u64 = 1 << 48;

/// A length from C as a length in Rust; nothing can be longer than `isize::MAX` bytes.
pub(super) fn length(len: u64) -> Result<usize> {
    let len = if len > MAX_LENGTH_BYTES { None } else { usize::try_from(len).ok() };
    len.filter(|len| isize::try_from(*len).is_ok()).ok_or(Error::ArgumentsBad)
}

/// Bytes the application gives.
pub struct InBuf {
    data: *const u8,
    len: u64,
}

impl InBuf {
    /// # Safety
    /// `data` is NULL or valid to read for `len` bytes during this call.
    pub unsafe fn new(data: *const u8, len: u64) -> Self {
        Self { data, len }
    }

    /// The bytes. NULL with length 0 is the empty message (PKCS#11 3.2 section 5.1.4); NULL with another is a mistake.
    pub fn bytes(&self) -> Result<&[u8]> {
        match length(self.len)? {
            0 => Ok(&[]),
            _ if self.data.is_null() => Err(Error::ArgumentsBad),
            // SAFETY: not NULL, not longer than a slice may be, and valid for this call, as `new` asks.
            len => Ok(unsafe { slice::from_raw_parts(self.data, len) }),
        }
    }

    /// Whether the pointer is NULL.
    pub fn is_null(&self) -> bool {
        self.data.is_null()
    }
}

/// What an output buffer is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// The application only asked for the length, and has it now.
    Query,
    /// The output may be made and written.
    Enough,
}

/// A buffer for output of variable length: the owner of PKCS#11 3.2 section 5.2.
pub struct OutBuf {
    data: *mut u8,
    len: *mut ck::CK_ULONG,
}

impl OutBuf {
    /// # Safety
    /// `len` is NULL or valid to read and write; `data` is NULL or valid to write for `*len` bytes, during this call.
    pub unsafe fn new(data: *mut u8, len: *mut ck::CK_ULONG) -> Self {
        Self { data, len }
    }

    /// Whether the length's pointer is NULL: C_SignMessageNext says with it that more of the message follows.
    pub fn has_no_length(&self) -> bool {
        self.len.is_null()
    }

    fn set_len(&self, len: usize) -> Result<()> {
        if self.len.is_null() {
            return Err(Error::ArgumentsBad);
        }
        // SAFETY: not NULL, and valid to write for this call, as `new` asks.
        unsafe { ptr::write_unaligned(self.len, len as u64) };
        Ok(())
    }

    fn capacity(&self) -> Result<u64> {
        if self.len.is_null() {
            return Err(Error::ArgumentsBad);
        }
        // SAFETY: not NULL, and valid to read for this call, as `new` asks.
        Ok(unsafe { ptr::read_unaligned(self.len) })
    }

    /// Whether the application only asks for the length.
    pub fn is_query(&self) -> bool {
        self.data.is_null()
    }

    /// For output whose length is known beforehand: answers a length query, refuses a short buffer, and says whether
    /// to go on.
    pub fn room_for(&self, len: usize) -> Result<Room> {
        let capacity = self.capacity()?;
        if !self.data.is_null() && capacity >= len as u64 {
            return Ok(Room::Enough);
        }
        self.set_len(len)?;
        if self.data.is_null() { Ok(Room::Query) } else { Err(Error::BufferTooSmall) }
    }

    /// For output of which only a limit is known: answers a length query with it; a shorter buffer may still do.
    pub fn room_up_to(&self, limit: usize) -> Result<Room> {
        self.capacity()?;
        if self.data.is_null() {
            self.set_len(limit)?;
            return Ok(Room::Query);
        }
        Ok(Room::Enough)
    }

    /// Writes the output and its length.
    pub fn write(&self, output: &[u8]) -> Result<()> {
        if self.room_for(output.len())? == Room::Enough {
            // SAFETY: room_for checked that `data` is not NULL and has room; `output` is ours, so they do not overlap.
            unsafe { ptr::copy_nonoverlapping(output.as_ptr(), self.data, output.len()) };
            self.set_len(output.len())?;
        }
        Ok(())
    }
}

/// One value to be written.
pub struct OutValue<T> {
    value: *mut T,
}

impl<T> OutValue<T> {
    /// # Safety
    /// `value` is NULL or valid to write during this call.
    pub unsafe fn new(value: *mut T) -> Self {
        Self { value }
    }

    /// ARGUMENTS_BAD for NULL; for calls that must not do their work first.
    pub fn require(&self) -> Result<()> {
        if self.value.is_null() { Err(Error::ArgumentsBad) } else { Ok(()) }
    }

    /// Writes it.
    pub fn set(&self, value: T) -> Result<()> {
        self.require()?;
        // SAFETY: not NULL, and valid to write for this call, as `new` asks.
        unsafe { ptr::write_unaligned(self.value, value) };
        Ok(())
    }
}

/// A list by the two-call convention: NULL asks for the count.
pub struct OutList<T> {
    items: *mut T,
    count: *mut ck::CK_ULONG,
}

impl<T: Copy> OutList<T> {
    /// # Safety
    /// `count` is NULL or valid to read and write; `items` is NULL or valid to write for `*count` items.
    pub unsafe fn new(items: *mut T, count: *mut ck::CK_ULONG) -> Self {
        Self { items, count }
    }

    /// Whether this is the call that asks for the count.
    pub fn is_query(&self) -> bool {
        self.items.is_null()
    }

    /// Writes the list and its length.
    pub fn fill(&self, list: &[T]) -> Result<()> {
        if self.count.is_null() {
            return Err(Error::ArgumentsBad);
        }
        // SAFETY: not NULL, and valid to read and write for this call, as `new` asks.
        let capacity = unsafe { ptr::read_unaligned(self.count) };
        // SAFETY: as above.
        unsafe { ptr::write_unaligned(self.count, list.len() as u64) };
        if self.items.is_null() {
            return Ok(());
        }
        if capacity < list.len() as u64 {
            return Err(Error::BufferTooSmall);
        }
        for (index, item) in list.iter().enumerate() {
            // SAFETY: index is below the capacity, which `new` promises.
            unsafe { ptr::write_unaligned(self.items.add(index), *item) };
        }
        Ok(())
    }
}

/// An array of fixed capacity that is filled as far as there is something (C_FindObjects).
pub struct OutArray {
    items: *mut ck::CK_OBJECT_HANDLE,
    capacity: u64,
    count: *mut ck::CK_ULONG,
}

impl OutArray {
    /// # Safety
    /// `items` is NULL or valid to write for `capacity` items; `count` is NULL or valid to write.
    pub unsafe fn new(items: *mut ck::CK_OBJECT_HANDLE, capacity: u64, count: *mut ck::CK_ULONG) -> Self {
        Self { items, capacity, count }
    }

    /// How many fit.
    pub fn capacity(&self) -> Result<usize> {
        if self.count.is_null() || (self.items.is_null() && self.capacity > 0) {
            return Err(Error::ArgumentsBad);
        }
        Ok(usize::try_from(self.capacity).unwrap_or(usize::MAX))
    }

    /// Writes these, at most as many as fit.
    pub fn fill(&self, handles: &[u64]) -> Result<()> {
        let count = handles.len().min(self.capacity()?);
        for (index, handle) in handles.iter().take(count).enumerate() {
            // SAFETY: index is below the capacity, which `new` promises; `items` is not NULL if the capacity is not 0.
            unsafe { ptr::write_unaligned(self.items.add(index), *handle) };
        }
        // SAFETY: `capacity` refused NULL; valid to write, as `new` asks.
        unsafe { ptr::write_unaligned(self.count, count as u64) };
        Ok(())
    }
}

/// A buffer to be filled whole (C_GenerateRandom).
pub struct OutFill {
    data: *mut u8,
    len: u64,
}

impl OutFill {
    /// # Safety
    /// `data` is NULL or valid to write for `len` bytes during this call.
    pub unsafe fn new(data: *mut u8, len: u64) -> Self {
        Self { data, len }
    }

    /// Fills it, a part at a time.
    pub fn fill(&self, mut source: impl FnMut(&mut [u8]) -> Result<()>) -> Result<()> {
        let mut part = [0u8; 512];
        let len = length(self.len)?;
        if self.data.is_null() {
            return if len == 0 { Ok(()) } else { Err(Error::ArgumentsBad) };
        }
        let mut done = 0;
        while done < len {
            let count = part.len().min(len - done);
            source(&mut part[..count])?;
            // SAFETY: done + count is at most `len`, for which `new` promises room; `part` is ours.
            unsafe { ptr::copy_nonoverlapping(part.as_ptr(), self.data.add(done), count) };
            done += count;
        }
        Ok(())
    }
}

/// A CK_MECHANISM.
pub struct MechanismArg {
    mechanism: *const ck::CK_MECHANISM,
}

impl MechanismArg {
    /// # Safety
    /// `mechanism` is NULL or valid to read, and so is its parameter for the length it gives and what that points to, during
    /// this call.
    pub unsafe fn new(mechanism: *const ck::CK_MECHANISM) -> Self {
        Self { mechanism }
    }

    /// NULL: an *Init that ends the active operation (PKCS#11 3.2 section 5.2).
    pub fn is_null(&self) -> bool {
        self.mechanism.is_null()
    }

    pub(super) fn given(&self) -> Result<(ck::CK_MECHANISM, &'static Row)> {
        if self.mechanism.is_null() {
            return Err(Error::ArgumentsBad);
        }
        // SAFETY: not NULL, and valid to read for this call, as `new` asks.
        let given = unsafe { ptr::read_unaligned(self.mechanism) };
        Ok((given, mechanism::find(given.mechanism)?))
    }

    /// Reads the mechanism and the parameter that its row takes.
    pub fn parse(&self) -> Result<Mechanism> {
        let (given, row) = self.given()?;
        // SAFETY: the parameter is as `new` asks.
        Mechanism::new(row, unsafe { parameters::read(row, &given) }?)
    }

    /// Reads the mechanism alone: the message-based functions give the parameter with each message.
    pub fn parse_bare(&self) -> Result<Mechanism> {
        self.given().map(|(_, row)| Mechanism::without_parameter(row))
    }

    /// Where the handles of the keys go that SP 800-108 derives beside the first one, in their order.
    pub fn additional_keys(&self) -> Result<Vec<OutValue<ck::CK_OBJECT_HANDLE>>> {
        let (given, row) = self.given()?;
        // SAFETY: the parameter is as `new` asks.
        let handles = unsafe { parameters::additional_handles(row, &given) }?;
        // SAFETY: each is NULL or valid to write, as `new` asks of what the parameter points to.
        Ok(handles.into_iter().map(|handle| unsafe { OutValue::new(handle) }).collect())
    }
}

/// C_Initialize's argument (PKCS#11 3.2 section 5.4.1).
pub struct InitArgs {
    args: *const ck::CK_C_INITIALIZE_ARGS,
}

impl InitArgs {
    /// # Safety
    /// `args` is NULL or a CK_C_INITIALIZE_ARGS valid to read during this call; its `pReserved` is NULL or points to a
    /// NUL-terminated string or at least to something that ends in a byte that is not printable.
    pub unsafe fn new(args: *const c_void) -> Self {
        Self { args: args.cast() }
    }

    /// The string in `pReserved`. The application's mutexes are not needed, but half a set of them is a mistake.
    pub fn parse(&self) -> Result<Option<String>> {
        if self.args.is_null() {
            return Ok(None);
        }
        // SAFETY: not NULL, and valid to read for this call, as `new` asks.
        let args = unsafe { ptr::read_unaligned(self.args) };
        let given = [
            args.CreateMutex.is_some(),
            args.DestroyMutex.is_some(),
            args.LockMutex.is_some(),
            args.UnlockMutex.is_some(),
        ];
        if given != [given[0]; 4] {
            return Err(Error::ArgumentsBad);
        }
        Ok(string(args.pReserved.cast()))
    }
}

/// Printable text up to the NUL; None if it is something else.
fn string(text: *const u8) -> Option<String> {
    let mut out = String::new();
    if text.is_null() {
        return None;
    }
    for offset in 0..MAX_INIT_STRING_BYTES {
        // SAFETY: every byte before this one was printable, so this one is still part of what `InitArgs::new` promises.
        match unsafe { *text.add(offset) } {
            0 => return Some(out),
            byte @ (b' '..=b'~' | b'\t' | b'\n') => out.push(char::from(byte)),
            _ => return None,
        }
    }
    None
}
