//! Member for member.
