//! Compiles the protos with `protox`, so that no `protoc` is needed.

use std::{env, error::Error, fs, path::PathBuf};

use prost::Message;

const PROTOS: [&str; 10] = [
    "proto/softkeep/v1/error.proto",
    "proto/softkeep/v1/vaults.proto",
    "proto/softkeep/v1/keys.proto",
    "proto/softkeep/v1/crypto.proto",
    "proto/softkeep/v1/secrets.proto",
    "proto/softkeep/v1/certificates.proto",
    "proto/softkeep/v1/access.proto",
    "proto/softkeep/v1/audit.proto",
    "proto/softkeep/v1/system.proto",
    "proto/softkeep/pkcs11/v1/module.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let descriptors = protox::compile(PROTOS, ["proto"])?;
    // The descriptor set feeds the daemon's reflection service and the generated documentation.
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;
    let generate = |gate: &str| env::var_os(format!("CARGO_FEATURE_{gate}")).is_some();
    tonic_prost_build::configure()
        .bytes(".softkeep.pkcs11.v1")
        // No `Debug` on messages that carry a PIN, a passphrase, plaintext or a private key.
        .skip_debug([
            ".softkeep.pkcs11.v1",
            ".softkeep.v1.ImportKeyRequest",
            ".softkeep.v1.EncryptRequest",
            ".softkeep.v1.DecryptReply",
            ".softkeep.v1.CryptoRequest",
            ".softkeep.v1.CryptoReply",
            ".softkeep.v1.BatchRequest",
            ".softkeep.v1.BatchReply",
            ".softkeep.v1.PipelineRequest",
            ".softkeep.v1.PipelineReply",
            ".softkeep.v1.Secret",
            ".softkeep.v1.SetSecretRequest",
            ".softkeep.v1.ListSecretsReply",
            ".softkeep.v1.ImportCertificateRequest",
            ".softkeep.v1.SetIssuerRequest",
            ".softkeep.v1.SetPinRequest",
            ".softkeep.v1.SetSoPinRequest",
            ".softkeep.v1.SignInRequest",
            ".softkeep.v1.PasswordCredential",
            ".softkeep.v1.ClientAssertion",
            ".softkeep.v1.AccessToken",
            ".softkeep.v1.DeviceSignIn",
            ".softkeep.v1.CreatePrincipalRequest",
            ".softkeep.v1.UpdatePrincipalRequest",
            ".softkeep.v1.AddCredentialRequest",
            ".softkeep.v1.AddCredentialReply",
            ".softkeep.v1.UnsealRequest",
        ])
        .build_client(generate("CLIENT"))
        .build_server(generate("SERVER"))
        .compile_fds(descriptors)?;
    Ok(())
}
