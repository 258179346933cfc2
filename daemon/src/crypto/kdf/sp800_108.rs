//! The derivations of SP 800-108 as PKCS#11 3.2 section 6.42 has them: the caller says what the input of the
//! pseudorandom function is made of, and several keys come out at once.

use zeroize::Zeroizing;

use super::{MAX_DERIVED_BYTES, check_len};
use crate::crypto::mac::{Mac, mac};
use crate::error::{Error, ErrorCode, Result};

/// How one step of the derivation depends on the one before.
#[derive(Clone, PartialEq, Eq)]
pub enum Mode {
    /// Not at all; a counter tells them apart (SP 800-108 section 4.1).
    Counter,
    /// By its output (section 4.2).
    Feedback {
        /// What the first step takes for the output before it; may be empty.
        iv: Vec<u8>,
    },
    /// By a second chain of outputs (section 4.3).
    DoublePipeline,
}

/// How a number is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NumberFormat {
    /// The byte of least weight first.
    pub little_endian: bool,
    /// 8, 16, 24 and so on.
    pub width_bits: u32,
}

/// What counts as the length of all that is derived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LengthMethod {
    /// The keys' bits (CK_SP800_108_DKM_LENGTH_SUM_OF_KEYS).
    SumOfKeys,
    /// The bits of all output made for them (CK_SP800_108_DKM_LENGTH_SUM_OF_SEGMENTS).
    SumOfSegments,
}

/// One piece of the pseudorandom function's input (CK_PRF_DATA_PARAM). No `Debug`: the bytes can be those of a key.
#[derive(Clone, PartialEq, Eq)]
pub enum DataParam {
    /// What changes with each step: the counter in counter mode, which alone has a format; else the output before.
    IterationVariable(Option<NumberFormat>),
    /// A counter in the other two modes.
    Counter(NumberFormat),
    /// The length of all that is derived, in bits.
    Length(LengthMethod, NumberFormat),
    /// These bytes.
    Bytes(Zeroizing<Vec<u8>>),
}

/// Derives keys of these lengths. Each begins with an output of its own, so that none shares one with another.
pub fn derive(
    mode: &Mode,
    prf: &Mac,
    key: &[u8],
    params: &[DataParam],
    lens: &[usize],
) -> Result<Vec<Zeroizing<Vec<u8>>>> {
    if matches!(prf, Mac::AesGmac { .. }) {
        return Err(invalid("GMAC is no pseudorandom function"));
    }
    let lengths = check_lengths(prf, lens)?;
    check_params(mode, params, lengths.segments)?;
    let mut steps = Steps::new(mode, prf, key, params, &lengths)?;
    lens.iter()
        .map(|&len| {
            // As many whole outputs as it takes, so that it never grows and leaves no copy behind.
            let mut out = Zeroizing::new(Vec::with_capacity(len.next_multiple_of(prf.len())));
            while out.len() < len {
                out.extend_from_slice(&steps.next()?);
            }
            out.truncate(len);
            Ok(out)
        })
        .collect()
}

/// How much is derived, in the two ways of counting.
struct Lengths {
    key_bits: u64,
    segment_bits: u64,
    segments: u64,
}

fn check_lengths(prf: &Mac, lens: &[usize]) -> Result<Lengths> {
    let mut lengths = Lengths { key_bits: 0, segment_bits: 0, segments: 0 };
    for &len in lens {
        check_len(len, MAX_DERIVED_BYTES)?;
        lengths.key_bits += 8 * len as u64;
        lengths.segments += len.div_ceil(prf.len()) as u64;
    }
    lengths.segment_bits = 8 * lengths.segments * prf.len() as u64;
    check_len((lengths.segment_bits / 8) as usize, MAX_DERIVED_BYTES)?;
    Ok(lengths)
}

/// What section 6.42 requires of each mode, and whether the counter can count as far as needed.
fn check_params(mode: &Mode, params: &[DataParam], segments: u64) -> Result<()> {
    let (mut iterations, mut counters, mut lengths) = (0, 0, 0);
    for param in params {
        match (param, mode) {
            (DataParam::IterationVariable(Some(format)), Mode::Counter) => {
                check_counter(*format, segments)?;
                iterations += 1;
            }
            (DataParam::IterationVariable(None), Mode::Feedback { .. } | Mode::DoublePipeline) => iterations += 1,
            (DataParam::IterationVariable(_), _) => {
                return Err(invalid("the iteration variable has a format in counter mode and in no other"));
            }
            (DataParam::Counter(_), Mode::Counter) => {
                return Err(invalid("in counter mode the iteration variable is the counter"));
            }
            (DataParam::Counter(format), _) => {
                check_counter(*format, segments)?;
                counters += 1;
            }
            (DataParam::Length(_, format), _) => {
                check_width(*format, 64)?;
                lengths += 1;
            }
            (DataParam::Bytes(bytes), _) if bytes.is_empty() => return Err(invalid("a byte array is empty")),
            (DataParam::Bytes(_), _) => {}
        }
    }
    if iterations == 1 && counters <= 1 && lengths <= 1 {
        return Ok(());
    }
    Err(invalid("the input has one iteration variable, and at most one counter and one length"))
}

fn check_counter(format: NumberFormat, segments: u64) -> Result<()> {
    check_width(format, 32)?;
    if segments >> format.width_bits == 0 {
        return Ok(());
    }
    Err(Error::new(ErrorCode::InvalidLength, format!("a counter of {} bits is too short", format.width_bits)))
}

fn check_width(format: NumberFormat, widest: u32) -> Result<()> {
    if format.width_bits.is_multiple_of(8) && (8..=widest).contains(&format.width_bits) {
        return Ok(());
    }
    Err(invalid(format!("a number has 8 to {widest} bits in whole bytes, not {}", format.width_bits)))
}

/// The steps of a derivation, one output each.
struct Steps<'a> {
    prf: &'a Mac,
    key: &'a [u8],
    params: &'a [DataParam],
    lengths: &'a Lengths,
    /// The number of the next step.
    counter: u64,
    variable: Variable,
}

/// What changes from step to step, besides the counter.
enum Variable {
    Nothing,
    /// The output before.
    Output(Zeroizing<Vec<u8>>),
    /// The second chain's output before.
    Chain(Zeroizing<Vec<u8>>),
}

impl<'a> Steps<'a> {
    fn new(mode: &Mode, prf: &'a Mac, key: &'a [u8], params: &'a [DataParam], lengths: &'a Lengths) -> Result<Self> {
        let mut steps = Self { prf, key, params, lengths, counter: 1, variable: Variable::Nothing };
        steps.variable = match mode {
            Mode::Counter => Variable::Nothing,
            Mode::Feedback { iv } => Variable::Output(Zeroizing::new(iv.clone())),
            Mode::DoublePipeline => Variable::Chain(steps.fixed_input()?),
        };
        Ok(steps)
    }

    fn next(&mut self) -> Result<Zeroizing<Vec<u8>>> {
        if let Variable::Chain(chain) = &mut self.variable {
            *chain = mac(self.prf, self.key, chain)?;
        }
        let output = mac(self.prf, self.key, &self.input()?)?;
        if let Variable::Output(before) = &mut self.variable {
            *before = output.clone();
        }
        self.counter += 1;
        Ok(output)
    }

    /// The input of this step.
    fn input(&self) -> Result<Zeroizing<Vec<u8>>> {
        let mut input = Zeroizing::new(Vec::new());
        for param in self.params {
            let piece = match (param, &self.variable) {
                (DataParam::IterationVariable(_), Variable::Output(before) | Variable::Chain(before)) => before.clone(),
                (DataParam::IterationVariable(Some(format)) | DataParam::Counter(format), _) => {
                    number(self.counter, *format)?
                }
                (DataParam::IterationVariable(None), Variable::Nothing) => Zeroizing::new(Vec::new()),
                (param, _) => self.fixed(param)?,
            };
            input = super::concatenate(&input, &piece);
        }
        Ok(input)
    }

    /// The input without what changes: where the second chain begins.
    fn fixed_input(&self) -> Result<Zeroizing<Vec<u8>>> {
        let mut input = Zeroizing::new(Vec::new());
        for param in self.params {
            input = super::concatenate(&input, &self.fixed(param)?);
        }
        Ok(input)
    }

    fn fixed(&self, param: &DataParam) -> Result<Zeroizing<Vec<u8>>> {
        match param {
            DataParam::IterationVariable(_) | DataParam::Counter(_) => Ok(Zeroizing::new(Vec::new())),
            DataParam::Length(LengthMethod::SumOfKeys, format) => number(self.lengths.key_bits, *format),
            DataParam::Length(LengthMethod::SumOfSegments, format) => number(self.lengths.segment_bits, *format),
            DataParam::Bytes(bytes) => Ok(bytes.clone()),
        }
    }
}

/// A number as the caller wants it written; refused if it does not fit.
fn number(value: u64, format: NumberFormat) -> Result<Zeroizing<Vec<u8>>> {
    let width = format.width_bits as usize / 8;
    let big_endian = value.to_be_bytes();
    let (above, digits) = big_endian.split_at(big_endian.len() - width);
    if above.iter().any(|&byte| byte != 0) {
        return Err(invalid(format!("{value} does not fit {} bits", format.width_bits)));
    }
    let mut digits = digits.to_vec();
    if format.little_endian {
        digits.reverse();
    }
    Ok(Zeroizing::new(digits))
}

fn invalid(detail: impl Into<String>) -> Error {
    Error::new(ErrorCode::InvalidParameters, detail)
}

#[cfg(test)]
mod tests;
