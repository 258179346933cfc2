//! Signatures: bare backend, gRPC, the module with 1 and 8 threads, and SoftHSM2 in-process where it is installed. Compare within one run only.
#![allow(clippy::unwrap_used, missing_docs)]

use std::{env, path::Path, process::Command, time::Duration};

use criterion::{BenchmarkId, Criterion, Throughput};
use softkeep_benches::{Kind, SOFTHSM2, Token, softhsm2};
use softkeep_daemon::crypto::{AwsLc, Backend, RustCrypto};
use softkeep_proto::{
    algorithm::{Curve, KeyType, SignScheme},
    v1::{KeyRef, SignRequest, crypto_client::CryptoClient},
};
use softkeep_tests::{Daemon, VAULT, module};

/// Told to the child that measures: where everything is.
const PREPARED: &str = "SOFTKEEP_BENCH_PREPARED";

fn main() {
    if env::var_os(PREPARED).is_some() {
        measure();
        Criterion::default().configure_from_args().final_summary();
        return;
    }
    // The modules read their configuration from the environment, which must be there before they are loaded: so a child measures.
    let daemon = Daemon::start();
    let dir = tempfile::tempdir().unwrap();
    let mut child = daemon.command(env::current_exe().unwrap());
    child.args(env::args_os().skip(1)).env(PREPARED, "1").current_dir(env::current_dir().unwrap());
    if let Some(config) = softhsm2(dir.path()) {
        child.env("SOFTHSM2_CONF", config);
    }
    let status = child.status().unwrap();
    assert!(status.success(), "the measuring process ended with {status}");
}

fn measure() {
    let mut criterion = Criterion::default()
        .configure_from_args()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(3));
    let softkeep = Token::open(&module(), VAULT);
    let softhsm = env::var_os("SOFTHSM2_CONF").map(|_| Token::open(Path::new(SOFTHSM2), "softhsm"));
    for kind in Kind::ALL {
        softkeep.generate(kind);
        softhsm.iter().for_each(|token| token.generate(kind));
        let mut group = criterion.benchmark_group(kind.name());
        group.throughput(Throughput::Elements(1));
        for backend in [&AwsLc as &dyn Backend, &RustCrypto] {
            let (key_type, scheme) = match kind {
                Kind::Rsa2048 => (KeyType::Rsa(2048), SignScheme::RsaPkcs1Raw),
                Kind::P256 => (KeyType::Ec(Curve::P256), SignScheme::Ecdsa),
            };
            let key = backend.open(&AwsLc.generate(key_type).unwrap()).unwrap();
            let input = kind.input();
            group.bench_function(BenchmarkId::new("bare", backend.name()), |bencher| {
                bencher.iter(|| key.sign(&scheme, &input).unwrap())
            });
        }
        group.bench_function("grpc", |bencher| grpc(bencher, kind));
        for threads in [1, 8] {
            group.bench_function(BenchmarkId::new("softkeep", threads), |bencher| {
                bencher.iter_custom(|times| softkeep.sign(kind, threads, times));
            });
            if let Some(softhsm) = &softhsm {
                group.bench_function(BenchmarkId::new("softhsm2", threads), |bencher| {
                    bencher.iter_custom(|times| softhsm.sign(kind, threads, times));
                });
            }
        }
        group.finish();
    }
}

/// One unary call after the other over one connection.
fn grpc(bencher: &mut criterion::Bencher<'_>, kind: Kind) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let endpoint = env::var("SOFTKEEP_ENDPOINT").unwrap();
    let algorithm = match kind {
        Kind::Rsa2048 => "RS256",
        Kind::P256 => "ES256",
    };
    let name = format!("grpc-{}", kind.name());
    let kty = if matches!(kind, Kind::P256) { "EC" } else { "RSA" };
    let made = Command::new(softkeep_tests::program("softkeep"))
        .args(["key", "create", "-o", "none", "--name", &name, "--kty", kty])
        .status();
    assert!(made.unwrap().success());
    let mut client = runtime.block_on(CryptoClient::connect(endpoint)).unwrap();
    let request = SignRequest {
        key: Some(KeyRef { vault: VAULT.into(), name, version: String::new() }),
        algorithm: algorithm.into(),
        digest: vec![7; 32],
    };
    bencher.iter(|| runtime.block_on(client.sign(request.clone())).unwrap());
}
