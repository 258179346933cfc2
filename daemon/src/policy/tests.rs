//! Who may do what, decided by the engine and compared with tables that know nothing of how it decides.

mod attacks;
mod giving;
mod matrix;
mod operations;
mod sign_in;
mod world;
