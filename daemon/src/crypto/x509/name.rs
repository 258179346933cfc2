//! Distinguished names as text: RFC 4514, and what Key Vault's users write besides ("CN=a, O=b", quotes, `S` for a state).

use const_oid::{
    ObjectIdentifier,
    db::{rfc3280, rfc4519},
};
use der::{
    Decode as _, Encode as _, Tag, Tagged as _,
    asn1::{Any, Ia5StringRef, PrintableStringRef, SetOfVec, TeletexStringRef, Utf8StringRef},
};
use x509_cert::attr::AttributeTypeAndValue;

use crate::error::{Error, ErrorCode, Result};

/// Name (RFC 5280 section 4.1.2.4), the most significant part first. The fields of `x509_cert::name::Name` are not ours to fill,
/// the encoding is this.
pub type Name = Vec<SetOfVec<AttributeTypeAndValue>>;

/// Long names are attacks on whoever reads the certificate.
const MAX_NAME_BYTES: usize = 4096;

/// How a value is written in DER.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    /// Two letters.
    Country,
    Ascii,
    Printable,
    Text,
}

struct Attribute {
    /// The first is how it is shown.
    names: &'static [&'static str],
    oid: ObjectIdentifier,
    form: Form,
    /// The upper bound of RFC 5280 appendix A.1, in characters.
    max_chars: usize,
}

/// TABLE: the attributes that have names.
static ATTRIBUTES: [Attribute; 17] = [
    attribute(&["CN"], rfc4519::COMMON_NAME, Form::Text, 64),
    attribute(&["O"], rfc4519::ORGANIZATION_NAME, Form::Text, 64),
    attribute(&["OU"], rfc4519::ORGANIZATIONAL_UNIT_NAME, Form::Text, 64),
    attribute(&["C"], rfc4519::COUNTRY_NAME, Form::Country, 2),
    attribute(&["ST", "S"], rfc4519::ST, Form::Text, 128),
    attribute(&["L"], rfc4519::LOCALITY_NAME, Form::Text, 128),
    attribute(&["STREET"], rfc4519::STREET, Form::Text, 128),
    attribute(&["DC"], rfc4519::DOMAIN_COMPONENT, Form::Ascii, 63),
    attribute(&["UID"], rfc4519::USER_ID, Form::Text, 256),
    attribute(&["E", "EMAIL", "EMAILADDRESS"], rfc3280::EMAIL_ADDRESS, Form::Ascii, 255),
    attribute(&["SERIALNUMBER"], rfc4519::SERIAL_NUMBER, Form::Printable, 64),
    attribute(&["T", "TITLE"], rfc4519::TITLE, Form::Text, 64),
    attribute(&["G", "GN", "GIVENNAME"], rfc4519::GIVEN_NAME, Form::Text, 128),
    attribute(&["SN", "SURNAME"], rfc4519::SN, Form::Text, 128),
    attribute(&["I", "INITIALS"], rfc4519::INITIALS, Form::Text, 128),
    attribute(&["POSTALCODE"], rfc4519::POSTAL_CODE, Form::Text, 40),
    attribute(&["DESCRIPTION"], rfc4519::DESCRIPTION, Form::Text, 1024),
];

const fn attribute(names: &'static [&'static str], oid: ObjectIdentifier, form: Form, max_chars: usize) -> Attribute {
    Attribute { names, oid, form, max_chars }
}

fn invalid(why: impl std::fmt::Display) -> Error {
    Error::new(
        ErrorCode::InvalidArgument,
        format!("the subject cannot be read: {why}; write it like CN=contoso.com, O=Contoso"),
    )
}

/// Reads a name.
pub fn parse(text: &str) -> Result<Name> {
    if text.len() > MAX_NAME_BYTES {
        return Err(invalid(format!("it has more than {MAX_NAME_BYTES} bytes")));
    }
    let mut name = Name::new();
    let mut part = SetOfVec::new();
    let mut reader = Reader { rest: text };
    if text.trim().is_empty() {
        return Ok(name);
    }
    loop {
        let (kind, value) = reader.attribute()?;
        let pair = AttributeTypeAndValue { oid: kind, value };
        part.insert(pair).map_err(|_| invalid("one of its parts is there twice"))?;
        match reader.next() {
            Some('+') => {}
            Some(_) => name.push(std::mem::take(&mut part)),
            None => break,
        }
    }
    name.push(part);
    // RFC 4514 section 2.1: the last part is written first.
    name.reverse();
    Ok(name)
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<char> {
        let next = self.rest.chars().next()?;
        self.rest = &self.rest[next.len_utf8()..];
        Some(next)
    }

    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start_matches(' ');
    }

    /// One `type=value`; the reader is at a separator or the end then.
    fn attribute(&mut self) -> Result<(ObjectIdentifier, Any)> {
        self.skip_blanks();
        let (kind, rest) = self.rest.split_once('=').ok_or_else(|| invalid(format!("'{}' lacks a '='", self.rest)))?;
        self.rest = rest;
        let kind = kind.trim();
        self.skip_blanks();
        let known = ATTRIBUTES.iter().find(|row| row.names.iter().any(|name| name.eq_ignore_ascii_case(kind)));
        let oid = match known {
            Some(row) => row.oid,
            None => {
                let dotted = kind.strip_prefix("OID.").or_else(|| kind.strip_prefix("oid.")).unwrap_or(kind);
                ObjectIdentifier::new(dotted).map_err(|_| invalid(format!("'{kind}' is no attribute known here")))?
            }
        };
        let known = known.or_else(|| ATTRIBUTES.iter().find(|row| row.oid == oid));
        if let Some(hex) = self.rest.strip_prefix('#') {
            let end = hex.find([',', ';', '+']).unwrap_or(hex.len());
            let (digits, rest) = hex.split_at(end);
            self.rest = rest;
            let der = from_hex(digits.trim()).ok_or_else(|| invalid("a '#' is followed by hexadecimal digits"))?;
            let value = Any::from_der(&der).map_err(|_| invalid("what follows a '#' is no DER value"))?;
            return Ok((oid, value));
        }
        let text = if self.rest.starts_with('"') { self.quoted()? } else { self.plain()? };
        Ok((oid, encode(known, &text)?))
    }

    fn quoted(&mut self) -> Result<String> {
        self.next();
        let mut bytes = Vec::new();
        loop {
            match self.next().ok_or_else(|| invalid("a '\"' is not closed"))? {
                // Two quotes stand for one.
                '"' if self.rest.starts_with('"') => {
                    self.next();
                    bytes.push(b'"');
                }
                '"' => break,
                '\\' => self.escaped(&mut bytes)?,
                other => push(&mut bytes, other),
            }
        }
        self.skip_blanks();
        if self.rest.is_empty() || self.rest.starts_with([',', ';', '+']) {
            return String::from_utf8(bytes).map_err(|_| invalid("an escape is no UTF-8"));
        }
        Err(invalid("after a closing '\"' a comma must follow"))
    }

    fn plain(&mut self) -> Result<String> {
        let mut bytes = Vec::new();
        // How much there is without the blanks at the end.
        let mut len = 0;
        while let Some(next) = self.rest.chars().next() {
            match next {
                ',' | ';' | '+' => break,
                '"' => return Err(invalid("a '\"' inside a value needs a backslash before it")),
                '\\' => {
                    self.next();
                    self.escaped(&mut bytes)?;
                    len = bytes.len();
                }
                other => {
                    self.next();
                    push(&mut bytes, other);
                    if other != ' ' {
                        len = bytes.len();
                    }
                }
            }
        }
        bytes.truncate(len);
        String::from_utf8(bytes).map_err(|_| invalid("an escape is no UTF-8"))
    }

    /// What follows a backslash (RFC 4514 section 3): the character itself, or a byte in two hexadecimal digits.
    fn escaped(&mut self, bytes: &mut Vec<u8>) -> Result<()> {
        if let Some(byte) = self.rest.get(..2).and_then(from_hex) {
            bytes.extend(byte);
            self.rest = self.rest.get(2..).unwrap_or_default();
            return Ok(());
        }
        match self.next() {
            Some(other) if " \"#+,;<=>\\".contains(other) => push(bytes, other),
            _ => return Err(invalid("a backslash is followed by what needs none")),
        }
        Ok(())
    }
}

fn push(bytes: &mut Vec<u8>, letter: char) {
    bytes.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
}

fn from_hex(digits: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = digits.chars().map(|digit| digit.to_digit(16).map(|digit| digit as u8)).collect();
    let digits = digits.filter(|digits| !digits.is_empty() && digits.len().is_multiple_of(2))?;
    Some(digits.chunks(2).filter_map(|pair| Some(pair.first()? << 4 | pair.last()?)).collect())
}

fn encode(known: Option<&Attribute>, text: &str) -> Result<Any> {
    let shown = known.and_then(|row| row.names.first()).copied().unwrap_or("OID");
    if text.is_empty() {
        return Err(invalid(format!("{shown} has no value")));
    }
    if text.chars().any(|letter| letter.is_control()) {
        return Err(invalid(format!("{shown} has a control character")));
    }
    let max_chars = known.map_or(MAX_NAME_BYTES, |row| row.max_chars);
    if text.chars().count() > max_chars {
        return Err(invalid(format!("{shown} has at most {max_chars} characters")));
    }
    let value = match known.map_or(Form::Text, |row| row.form) {
        Form::Country if text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_alphabetic()) => {
            PrintableStringRef::new(&text.to_ascii_uppercase()).map(Any::from)
        }
        Form::Country => return Err(invalid("C is a country of two letters")),
        Form::Ascii => Ia5StringRef::new(text).map(Any::from),
        Form::Printable => PrintableStringRef::new(text).map(Any::from),
        Form::Text => Utf8StringRef::new(text).map(Any::from),
    };
    value.map_err(|_| invalid(format!("{shown} has a character that it cannot have")))
}

/// The name as text, in the order that RFC 4514 wants, a comma and a blank between its parts as Key Vault writes it.
/// [`parse`] reads it again.
pub fn show(name: &x509_cert::name::Name) -> String {
    let parts: Vec<String> =
        name.iter_rdn().map(|part| part.iter().map(show_attribute).collect::<Vec<_>>().join("+")).collect();
    parts.into_iter().rev().collect::<Vec<_>>().join(", ")
}

fn show_attribute(attribute: &AttributeTypeAndValue) -> String {
    let known = ATTRIBUTES.iter().find(|row| row.oid == attribute.oid);
    let kind = known.and_then(|row| row.names.first()).map_or_else(|| attribute.oid.to_string(), |name| (*name).into());
    let text = text_of(&attribute.value)
        .filter(|text| known.is_some() && !text.is_empty() && !text.chars().any(char::is_control))
        // A text that this parser would write otherwise is shown as it is in the certificate.
        .filter(|text| encode(known, text).is_ok_and(|value| value == attribute.value));
    match text {
        Some(text) => format!("{kind}={}", escape(&text)),
        None => {
            let der = attribute.value.to_der().unwrap_or_default();
            format!("{kind}=#{}", der.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
        }
    }
}

fn text_of(value: &Any) -> Option<String> {
    let text = match value.tag() {
        Tag::Utf8String => Utf8StringRef::try_from(value).ok()?.as_str().to_owned(),
        Tag::PrintableString => PrintableStringRef::try_from(value).ok()?.as_str().to_owned(),
        Tag::Ia5String => Ia5StringRef::try_from(value).ok()?.as_str().to_owned(),
        Tag::TeletexString => TeletexStringRef::try_from(value).ok()?.as_str().to_owned(),
        _ => return None,
    };
    Some(text)
}

fn escape(text: &str) -> String {
    let mut shown = String::new();
    let last = text.chars().count().saturating_sub(1);
    for (index, letter) in text.chars().enumerate() {
        let edge = (index == 0 && matches!(letter, ' ' | '#')) || (index == last && letter == ' ');
        if edge || "\"+,;<>\\".contains(letter) {
            shown.push('\\');
        }
        shown.push(letter);
    }
    shown
}

/// The attribute that a certificate's owner is known by, for programs that show one line.
pub fn common_name(name: &x509_cert::name::Name) -> Option<String> {
    name.iter().find(|attribute| attribute.oid == rfc4519::COMMON_NAME).and_then(|attribute| text_of(&attribute.value))
}

#[cfg(test)]
#[path = "name/tests.rs"]
mod tests;
