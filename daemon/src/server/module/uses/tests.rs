//! The daemon from the wire to the key and back, as the module sees it.

mod attacks;
mod bench;
mod exchanges;
mod families;
mod imports;
mod objects;
mod profiles;
mod sessions;
