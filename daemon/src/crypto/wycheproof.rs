//! Project Wycheproof's tests: what known attacks and known mistakes look like (github.com/C2SP/wycheproof).

mod asymmetric;
mod symmetric;
