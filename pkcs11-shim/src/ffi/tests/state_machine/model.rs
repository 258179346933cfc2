//! What PKCS#11 3.2 says that each call answers, as plainly as it can be written: operations are the bytes given so
//! far, and every output is computed anew from all of them. Where the specification leaves a choice, it is the module's
//! documented one.

use std::collections::BTreeMap;

use cryptoki_sys::*;
use softkeep_proto::algorithm::Hash;

use super::{
    Action,
    modes::{Answer, Kind, Mode, Room, Signature},
};
use crate::{
    ffi::tests::vault::{self, HMAC},
    hash::digest,
};

/// An operation: all that was given.
#[derive(Clone)]
struct Operation {
    mode: Mode,
    data: Vec<u8>,
    /// Output given already.
    given: usize,
    multi_part: bool,
    /// Waits for the PIN, since when; 0 does not, and has it.
    waits: Option<u64>,
    /// A message begun.
    message: Option<Vec<u8>>,
}

#[derive(Default)]
struct Session {
    open: bool,
    read_write: bool,
    find: bool,
    operations: BTreeMap<Kind, Operation>,
}

/// The whole of it.
#[derive(Default)]
pub struct Model {
    initialised: bool,
    logged_in: bool,
    sessions: Vec<Session>,
    /// Every handle ever learnt, and whether it still means the object.
    handles: BTreeMap<([u8; 16], u64), (u64, bool)>,
    saved: Option<Operation>,
    serial: u64,
}

/// How long an output is.
enum Length {
    Exact(usize),
    UpTo(usize),
}

type Step<T> = Result<T, CK_RV>;

impl Model {
    pub fn logged_in(&self) -> bool {
        self.logged_in
    }

    pub fn learn(&mut self, id: [u8; 16], class: u64, handle: u64) {
        self.handles.insert((id, class), (handle, true));
    }

    pub fn handle(&self, key: ([u8; 16], u64)) -> u64 {
        self.handles.get(&key).map_or(5_000_000, |(handle, _)| *handle)
    }

    /// The session by which a program looks for its keys after this call.
    pub fn learns_by(&self, action: &Action) -> Option<usize> {
        let session = match action {
            Action::Login { session, .. } => *session,
            Action::Open { .. } => self.sessions.len().checked_sub(1)?,
            _ => return None,
        };
        self.sessions.get(session).filter(|session| self.initialised && session.open && !session.find)?;
        Some(session)
    }

    fn session(&mut self, index: usize) -> Step<&mut Session> {
        if !self.initialised {
            return Err(CKR_CRYPTOKI_NOT_INITIALIZED);
        }
        self.sessions.get_mut(index).filter(|session| session.open).ok_or(CKR_SESSION_HANDLE_INVALID)
    }

    fn operation(&mut self, index: usize, kind: Kind) -> Step<&mut Operation> {
        self.session(index)?.operations.get_mut(&kind).ok_or(CKR_OPERATION_NOT_INITIALIZED)
    }

    fn peek(&self, index: usize, kind: Kind) -> Option<&Operation> {
        self.sessions.get(index).filter(|session| session.open)?.operations.get(&kind)
    }

    fn end(&mut self, index: usize, kind: Kind) {
        if let Ok(session) = self.session(index) {
            session.operations.remove(&kind);
        }
    }

    fn forget_login(&mut self) {
        if std::mem::take(&mut self.logged_in) {
            for session in &mut self.sessions {
                session.operations.clear();
                session.find = false;
            }
            for ((id, class), (_, valid)) in &mut self.handles {
                *valid &= *class == CKO_PUBLIC_KEY || *id == HMAC;
            }
        }
    }

    fn close_if_last(&mut self) {
        if self.sessions.iter().all(|session| !session.open) {
            self.forget_login();
        }
    }

    /// Room that suits a single-part call, for the driver to give that or less.
    pub fn whole_room(&self, index: usize, kind: Kind, data: &[u8]) -> usize {
        match self.peek(index, kind).map(|operation| whole_length(kind, operation, data)) {
            Some(Ok(Length::Exact(len) | Length::UpTo(len))) => len,
            _ => 20,
        }
    }

    pub fn update_room(&self, index: usize, kind: Kind, data: &[u8]) -> usize {
        self.peek(index, kind).map_or(20, |operation| update_length(kind, operation, data))
    }

    pub fn last_room(&self, index: usize, kind: Kind) -> usize {
        match self.peek(index, kind).map(|operation| last_length(kind, operation)) {
            Some(Ok(Length::Exact(len) | Length::UpTo(len))) => len,
            _ => 20,
        }
    }

    /// A signature of what the operation has and this.
    pub fn signature(&self, index: usize, data: &[u8], signature: Signature) -> Vec<u8> {
        let Some(operation) = self.peek(index, Kind::Verify) else { return vec![1; 64] };
        let mode = operation.mode;
        let mut made = match mode.is_raw() && data.len() > 117 {
            true => vec![1; 128],
            false => mode.sign(&[&operation.data[..], data].concat()),
        };
        match signature {
            Signature::Right => {}
            Signature::Wrong => made[mode.signature_len() / 2] ^= 1,
            Signature::Short => made.truncate(mode.signature_len() - 1),
        }
        made
    }

    /// What the call answers, and what is then.
    pub fn step(&mut self, action: &Action) -> Answer {
        let outcome = match action {
            Action::Whole { session, kind, data, room } => return self.whole(*session, *kind, data, *room),
            Action::Update { session, kind: kind @ (Kind::Encrypt | Kind::Decrypt), data, room } => {
                return self.update(*session, *kind, None, data, *room);
            }
            Action::Both { session, kinds, data, room } => {
                return self.update(*session, kinds.0, Some(kinds.1), data, *room);
            }
            Action::Last { session, kind, room } => return self.last(*session, *kind, *room),
            Action::MessageNext { session, data, room: Some(room) } => {
                return self.message_last(*session, data, *room);
            }
            other => self.plain(other),
        };
        Answer::Just(outcome.err().unwrap_or(CKR_OK))
    }

    fn plain(&mut self, action: &Action) -> Step<()> {
        match action {
            Action::Initialize if self.initialised => return Err(CKR_CRYPTOKI_ALREADY_INITIALIZED),
            Action::Initialize => self.initialised = true,
            _ if !self.initialised => return Err(CKR_CRYPTOKI_NOT_INITIALIZED),
            Action::Finalize => {
                self.initialised = false;
                self.sessions.iter_mut().for_each(|session| session.open = false);
                self.logged_in = false;
                self.handles.values_mut().for_each(|(_, valid)| *valid = false);
            }
            Action::Open { read_write } => {
                self.sessions.push(Session { open: true, read_write: *read_write, ..Session::default() });
            }
            Action::Close(session) => {
                *self.session(*session)? = Session::default();
                self.close_if_last();
            }
            Action::CloseAll => {
                self.sessions.iter_mut().for_each(|session| *session = Session::default());
                self.forget_login();
            }
            Action::Login { session, user, right } => return self.login(*session, *user, *right),
            Action::Logout(session) => {
                self.session(*session)?;
                if !self.logged_in {
                    return Err(CKR_USER_NOT_LOGGED_IN);
                }
                self.forget_login();
            }
            Action::FindInit(session) => {
                if std::mem::replace(&mut self.session(*session)?.find, true) {
                    return Err(CKR_OPERATION_ACTIVE);
                }
            }
            Action::Find(session) if self.session(*session)?.find => {}
            Action::FindFinal(session) if self.session(*session)?.find => self.session(*session)?.find = false,
            Action::Find(_) | Action::FindFinal(_) => return Err(CKR_OPERATION_NOT_INITIALIZED),
            Action::Init { session, kind, mode } => return self.init(*session, *kind, *mode),
            Action::End { session, kind } => {
                return self.session(*session)?.operations.remove(kind).map(drop).ok_or(CKR_ARGUMENTS_BAD);
            }
            Action::Cancel { session, flags } => {
                self.session(*session)?.operations.retain(|kind, _| kind.flag() & flags == 0);
            }
            Action::Update { session, kind, data, .. } => return self.take_in(*session, *kind, data),
            Action::Verify { session, data, signature } => return self.verify(*session, Some(data), *signature),
            Action::VerifyFinal { session, signature } => return self.verify(*session, None, *signature),
            Action::Save { session } => return self.save(*session),
            Action::Restore { session, damaged } => return self.restore(*session, *damaged),
            Action::MessageBegin { session } => {
                let operation = self.operation(*session, Kind::MessageSign)?;
                match operation.message {
                    Some(_) => return Err(CKR_OPERATION_ACTIVE),
                    None if operation.mode.is_raw() => return Err(CKR_OPERATION_NOT_INITIALIZED),
                    None => operation.message = Some(Vec::new()),
                }
            }
            Action::MessageNext { session, data, .. } => {
                let message = &mut self.operation(*session, Kind::MessageSign)?.message;
                message.as_mut().ok_or(CKR_OPERATION_NOT_INITIALIZED)?.extend_from_slice(data);
            }
            Action::MessageFinal { session } => {
                self.operation(*session, Kind::MessageSign)?;
                self.end(*session, Kind::MessageSign);
            }
            Action::Whole { .. } | Action::Last { .. } | Action::Both { .. } => unreachable!("has output"),
        }
        Ok(())
    }

    fn login(&mut self, session: usize, user: u64, right: bool) -> Step<()> {
        match user {
            CKU_USER | CKU_SO => {}
            CKU_CONTEXT_SPECIFIC => {
                let waiting = self.session(session)?.operations.values_mut().filter(|each| each.waits > Some(0));
                let operation = waiting.max_by_key(|each| each.waits).ok_or(CKR_OPERATION_NOT_INITIALIZED)?;
                if !right {
                    return Err(CKR_PIN_INCORRECT);
                }
                operation.waits = Some(0);
                return Ok(());
            }
            _ => return Err(CKR_USER_TYPE_INVALID),
        }
        self.session(session)?;
        if self.logged_in {
            return Err(if user == CKU_USER { CKR_USER_ALREADY_LOGGED_IN } else { CKR_USER_ANOTHER_ALREADY_LOGGED_IN });
        }
        if user == CKU_SO && self.sessions.iter().any(|session| session.open && !session.read_write) {
            return Err(CKR_SESSION_READ_ONLY_EXISTS);
        }
        if !right || user == CKU_SO {
            return Err(CKR_PIN_INCORRECT);
        }
        self.logged_in = true;
        Ok(())
    }

    fn init(&mut self, session: usize, kind: Kind, mode: Mode) -> Step<()> {
        if self.session(session)?.operations.contains_key(&kind) {
            return Err(CKR_OPERATION_ACTIVE);
        }
        if (kind, mode) == (Kind::Sign, Mode::Ecb) || (kind, mode) == (Kind::Encrypt, Mode::Hmac) {
            return Err(CKR_MECHANISM_INVALID);
        }
        if kind != Kind::Digest && !self.handles.get(&mode.key(kind)).is_some_and(|(_, valid)| *valid) {
            return Err(CKR_KEY_HANDLE_INVALID);
        }
        self.serial += 1;
        let waits = (mode == Mode::Guarded).then_some(self.serial);
        let operation = Operation { mode, data: Vec::new(), given: 0, multi_part: false, waits, message: None };
        self.session(session)?.operations.insert(kind, operation);
        Ok(())
    }

    /// C_SignUpdate, C_VerifyUpdate, C_DigestUpdate.
    fn take_in(&mut self, session: usize, kind: Kind, data: &[u8]) -> Step<()> {
        let operation = self.operation(session, kind)?;
        if operation.mode.is_raw() {
            self.end(session, kind);
            return Err(CKR_OPERATION_NOT_INITIALIZED);
        }
        operation.data.extend_from_slice(data);
        operation.multi_part = true;
        Ok(())
    }

    fn verify(&mut self, session: usize, data: Option<&[u8]>, signature: Signature) -> Step<()> {
        let operation = self.operation(session, Kind::Verify)?.clone();
        self.end(session, Kind::Verify);
        match data {
            Some(_) if operation.multi_part => return Err(CKR_OPERATION_NOT_INITIALIZED),
            None if operation.mode.is_raw() => return Err(CKR_OPERATION_NOT_INITIALIZED),
            Some(data) if operation.mode.is_raw() && data.len() > 117 => return Err(CKR_DATA_LEN_RANGE),
            _ => {}
        }
        match signature {
            Signature::Right => Ok(()),
            Signature::Wrong => Err(CKR_SIGNATURE_INVALID),
            Signature::Short => Err(CKR_SIGNATURE_LEN_RANGE),
        }
    }

    fn save(&mut self, session: usize) -> Step<()> {
        let saveable = [Kind::Sign, Kind::Verify, Kind::Encrypt, Kind::Decrypt, Kind::Digest];
        let active: Vec<Kind> =
            self.session(session)?.operations.keys().copied().filter(|kind| saveable.contains(kind)).collect();
        match active[..] {
            [] => return Err(CKR_OPERATION_NOT_INITIALIZED),
            [Kind::Digest] => {}
            _ => return Err(CKR_STATE_UNSAVEABLE),
        }
        self.saved = self.peek(session, Kind::Digest).cloned();
        Ok(())
    }

    fn restore(&mut self, session: usize, damaged: bool) -> Step<()> {
        self.session(session)?;
        let Some(saved) = self.saved.clone().filter(|_| !damaged) else { return Err(CKR_SAVED_STATE_INVALID) };
        let session = self.session(session)?;
        session.operations.clear();
        session.find = false;
        session.operations.insert(Kind::Digest, saved);
        Ok(())
    }

    /// A call that ends the operation: C_Sign, C_Encrypt …
    fn whole(&mut self, session: usize, kind: Kind, data: &[u8], room: Room) -> Answer {
        let operation = match self.operation(session, kind) {
            Ok(operation) => operation.clone(),
            Err(rv) => return Answer::Just(rv),
        };
        if kind == Kind::MessageSign {
            return match operation.message {
                Some(_) => Answer::Just(CKR_OPERATION_ACTIVE),
                None => self.message_last_of(session, data, room),
            };
        }
        let given = self.whole_room(session, kind, data);
        let length = match operation.multi_part {
            true => Err(CKR_OPERATION_NOT_INITIALIZED),
            false => whole_length(kind, &operation, data),
        };
        let all = Operation { data: [&operation.data[..], data].concat(), ..operation };
        self.finish(session, kind, &all, length, room, given)
    }

    fn last(&mut self, session: usize, kind: Kind, room: Room) -> Answer {
        let operation = match self.operation(session, kind) {
            Ok(operation) => operation.clone(),
            Err(rv) => return Answer::Just(rv),
        };
        let given = self.last_room(session, kind);
        let length = last_length(kind, &operation);
        self.finish(session, kind, &operation, length, room, given)
    }

    /// Section 5.2: only a query and too small a buffer leave the operation.
    fn finish(
        &mut self,
        session: usize,
        kind: Kind,
        all: &Operation,
        length: Step<Length>,
        room: Room,
        given: usize,
    ) -> Answer {
        let ended = |model: &mut Self, rv| {
            model.end(session, kind);
            Answer::Just(rv)
        };
        let length = match length {
            Ok(length) => length,
            Err(rv) => return ended(self, rv),
        };
        let (Length::Exact(needed) | Length::UpTo(needed)) = length;
        let capacity = match room {
            Room::Query => return Answer::Length(CKR_OK, needed),
            Room::Short => given.saturating_sub(1),
            Room::Exact => given,
            Room::Plenty => given + 50,
        };
        if matches!(length, Length::Exact(_)) && capacity < needed {
            return Answer::Length(CKR_BUFFER_TOO_SMALL, needed);
        }
        let output = match output(kind, all) {
            Ok(output) => output,
            Err(rv) => return ended(self, rv),
        };
        if output.len() > capacity {
            return Answer::Length(CKR_BUFFER_TOO_SMALL, output.len());
        }
        self.end(session, kind);
        Answer::Output(output)
    }

    /// C_EncryptUpdate and C_DecryptUpdate, and with a second operation the dual functions.
    fn update(&mut self, session: usize, kind: Kind, other: Option<Kind>, data: &[u8], room: Room) -> Answer {
        let operation = match self.operation(session, kind) {
            Ok(operation) => operation.clone(),
            Err(rv) => return Answer::Just(rv),
        };
        if let Some(other) = other {
            match self.operation(session, other).map(|operation| operation.mode.is_raw()) {
                Err(rv) => return Answer::Just(rv),
                Ok(true) => {
                    self.end(session, kind);
                    self.end(session, other);
                    return Answer::Just(CKR_OPERATION_NOT_INITIALIZED);
                }
                Ok(false) => {}
            }
        }
        let needed = update_length(kind, &operation, data);
        match room {
            Room::Query => return Answer::Length(CKR_OK, needed),
            Room::Short if needed > 0 => return Answer::Length(CKR_BUFFER_TOO_SMALL, needed),
            _ => {}
        }
        let all = [&operation.data[..], data].concat();
        let end = operation.given + needed;
        let mechanism = if operation.mode == Mode::CbcPad { Mode::Cbc } else { operation.mode }.mechanism();
        let parameter = operation.mode.parameter();
        let through = match (operation.mode, kind) {
            (Mode::Gcm, _) => Some(Vec::new()),
            (_, Kind::Encrypt) => vault::encrypt(mechanism, parameter.as_ref(), &all[..end]),
            _ => vault::decrypt(mechanism, parameter.as_ref(), &all[..end]),
        };
        let output = through.unwrap_or_default().split_off(operation.given);
        if let Some(other) = other {
            let plaintext = if kind == Kind::Encrypt { data } else { &output };
            let _ = self.take_in(session, other, plaintext);
        }
        if let Ok(operation) = self.operation(session, kind) {
            (operation.data, operation.given, operation.multi_part) = (all, end, true);
        }
        Answer::Output(output)
    }

    fn message_last(&mut self, session: usize, data: &[u8], room: Room) -> Answer {
        match self.operation(session, Kind::MessageSign).map(|operation| operation.message.is_some()) {
            Err(rv) => Answer::Just(rv),
            Ok(false) => Answer::Just(CKR_OPERATION_NOT_INITIALIZED),
            Ok(true) => self.message_last_of(session, data, room),
        }
    }

    /// What goes wrong ends the message, never the operation.
    fn message_last_of(&mut self, session: usize, data: &[u8], room: Room) -> Answer {
        self.serial += 1;
        let serial = self.serial;
        let Ok(operation) = self.operation(session, Kind::MessageSign) else { unreachable!("looked up before") };
        let len = operation.mode.signature_len();
        match room {
            Room::Query => return Answer::Length(CKR_OK, len),
            Room::Short => return Answer::Length(CKR_BUFFER_TOO_SMALL, len),
            Room::Exact | Room::Plenty => {}
        }
        let message = [operation.message.take().unwrap_or_default(), data.to_vec()].concat();
        if operation.mode.is_raw() && message.len() > 117 {
            return Answer::Just(CKR_DATA_LEN_RANGE);
        }
        match operation.waits {
            Some(0) => operation.waits = Some(serial),
            Some(_) => return Answer::Just(CKR_USER_NOT_LOGGED_IN),
            None => {}
        }
        Answer::Output(operation.mode.sign(&message))
    }
}

fn whole_length(kind: Kind, operation: &Operation, data: &[u8]) -> Step<Length> {
    match kind {
        Kind::Sign | Kind::SignRecover | Kind::Verify | Kind::MessageSign => {
            Ok(Length::Exact(operation.mode.signature_len()))
        }
        Kind::VerifyRecover => Ok(Length::UpTo(117)),
        Kind::Digest => Ok(Length::Exact(32)),
        Kind::Encrypt | Kind::Decrypt => cipher_length(kind, operation.mode, data.len()),
    }
}

/// Of the rest: what has been given and has not come out.
fn last_length(kind: Kind, operation: &Operation) -> Step<Length> {
    match kind {
        Kind::Encrypt | Kind::Decrypt => cipher_length(kind, operation.mode, operation.data.len() - operation.given),
        _ if operation.mode.is_raw() => Err(CKR_OPERATION_NOT_INITIALIZED),
        _ => whole_length(kind, operation, &[]),
    }
}

fn cipher_length(kind: Kind, mode: Mode, len: usize) -> Step<Length> {
    let whole = len.is_multiple_of(16);
    match (kind, mode) {
        (Kind::Encrypt, Mode::Ecb | Mode::Cbc) if !whole => Err(CKR_DATA_LEN_RANGE),
        (Kind::Decrypt, Mode::Ecb | Mode::Cbc) if !whole => Err(CKR_ENCRYPTED_DATA_LEN_RANGE),
        (Kind::Encrypt, Mode::CbcPad) => Ok(Length::Exact((len / 16 + 1) * 16)),
        (Kind::Decrypt, Mode::CbcPad) if len == 0 || !whole => Err(CKR_ENCRYPTED_DATA_LEN_RANGE),
        (Kind::Decrypt, Mode::CbcPad) => Ok(Length::UpTo(len)),
        (Kind::Encrypt, Mode::Gcm) => Ok(Length::Exact(len + 16)),
        (Kind::Decrypt, Mode::Gcm) if len < 16 => Err(CKR_ENCRYPTED_DATA_LEN_RANGE),
        (Kind::Decrypt, Mode::Gcm) => Ok(Length::Exact(len - 16)),
        _ => Ok(Length::Exact(len)),
    }
}

fn update_length(kind: Kind, operation: &Operation, data: &[u8]) -> usize {
    let pending = operation.data.len() - operation.given + data.len();
    match operation.mode {
        Mode::Ctr => data.len(),
        Mode::Gcm => 0,
        Mode::CbcPad if kind == Kind::Decrypt => pending.saturating_sub(1) / 16 * 16,
        _ => pending / 16 * 16,
    }
}

/// The output of a call that ends the operation.
fn output(kind: Kind, all: &Operation) -> Step<Vec<u8>> {
    let (mode, data) = (all.mode, &all.data);
    let parameter = mode.parameter();
    match kind {
        Kind::Sign | Kind::SignRecover | Kind::MessageSign => match all.waits {
            _ if mode.is_raw() && data.len() > 117 => Err(CKR_DATA_LEN_RANGE),
            Some(1..) => Err(CKR_USER_NOT_LOGGED_IN),
            _ => Ok(mode.sign(data)),
        },
        // No signature is ever given, only bytes that by their length could be one.
        Kind::VerifyRecover if data.len() == 128 => Err(CKR_SIGNATURE_INVALID),
        Kind::VerifyRecover | Kind::Verify => Err(CKR_SIGNATURE_LEN_RANGE),
        Kind::Digest => Ok(digest(Hash::Sha256, &[data])),
        Kind::Encrypt => {
            let whole = vault::encrypt(mode.mechanism(), parameter.as_ref(), data).unwrap_or_default();
            Ok(whole[all.given..].to_vec())
        }
        Kind::Decrypt => match vault::decrypt(mode.mechanism(), parameter.as_ref(), data) {
            Some(whole) => Ok(whole[all.given..].to_vec()),
            None => Err(CKR_ENCRYPTED_DATA_INVALID),
        },
    }
}
