//! The words on the wire between Softkeep's programs, and the tables that both ends must read the same way.
//! No behaviour lives here: nothing connects, decides or remembers.

pub mod algorithm;
pub mod attribute;
pub mod error;
pub mod limits;
pub mod location;
pub mod mechanism;

/// `softkeep.v1`: the control plane and the data plane of vaults and keys.
pub mod v1 {
    #![allow(missing_docs, clippy::all, clippy::unwrap_used)] // generated; documented in the .proto files
    include!(concat!(env!("OUT_DIR"), "/softkeep.v1.rs"));
}

/// `softkeep.pkcs11.v1`: what the PKCS#11 module and the daemon say to each other.
pub mod pkcs11 {
    /// The first version.
    pub mod v1 {
        #![allow(missing_docs, clippy::all, clippy::unwrap_used)] // generated; documented in the .proto file
        include!(concat!(env!("OUT_DIR"), "/softkeep.pkcs11.v1.rs"));
    }
}

/// The encoded `FileDescriptorSet` of all protos, for gRPC reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
