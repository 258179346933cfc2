//! What the module asks of the daemon: one request for each use of a private key, none for what it can know or do
//! itself. The daemon counts.

use cryptoki::{
    mechanism::Mechanism,
    object::{Attribute, AttributeType, ObjectHandle},
    session::Session,
};
use softkeep_tests::{
    Daemon, PIN,
    client::Client,
    output_of, run,
    tools::{key_uri, tool},
};

/// Requests that the daemon has decided on so far.
fn requests(daemon: &Daemon) -> u64 {
    daemon.json(&["status"])["requests"].as_u64().unwrap()
}

/// How many requests some work costs.
fn cost<T>(client: &Client, work: impl FnOnce() -> T) -> (u64, T) {
    let before = requests(&client.daemon);
    let result = work();
    (requests(&client.daemon) - before, result)
}

fn pair(session: &Session) -> (ObjectHandle, ObjectHandle) {
    let label = || Attribute::Label("key".into());
    let public = [
        Attribute::Token(true),
        Attribute::ModulusBits(2048.into()),
        Attribute::PublicExponent(vec![1, 0, 1]),
        label(),
    ];
    let private = [Attribute::Token(true), Attribute::Sign(true), Attribute::Decrypt(true), label()];
    session.generate_key_pair(&Mechanism::RsaPkcsKeyPairGen, &public, &private).unwrap()
}

#[test]
fn what_each_call_costs() {
    let client = Client::start();
    let session = client.logged_in();
    let (public, private) = pair(&session);
    let by_label = [Attribute::Label("key".into())];
    session.find_objects(&by_label).unwrap();

    let free = |what: &str, work: &mut dyn FnMut()| {
        let (count, ()) = cost(&client, work);
        assert_eq!(count, 0, "{what}");
    };
    free("mechanism lists", &mut || {
        for mechanism in client.pkcs11().get_mechanism_list(client.slot).unwrap() {
            client.pkcs11().get_mechanism_info(client.slot, mechanism).unwrap();
        }
    });
    free("attributes", &mut || {
        let wanted = [AttributeType::Modulus, AttributeType::Label, AttributeType::AlwaysAuthenticate];
        assert_eq!(session.get_attributes(private, &wanted).unwrap().len(), 3);
        assert_eq!(session.get_attributes(public, &wanted[..2]).unwrap().len(), 2);
    });
    free("a search that was made before", &mut || drop(session.find_objects(&by_label).unwrap()));
    free("sessions", &mut || assert!(client.session().get_session_info().unwrap().read_write()));
    free("a digest", &mut || drop(session.digest(&Mechanism::Sha256, b"message").unwrap()));
    free("random numbers", &mut || drop(session.generate_random_vec(64).unwrap()));

    // The crate asks for the length first: that is free.
    let (count, signature) = cost(&client, || session.sign(&Mechanism::Sha256RsaPkcs, private, b"message").unwrap());
    assert_eq!(count, 1, "a signature");
    free("its verification", &mut || {
        session.verify(&Mechanism::Sha256RsaPkcs, public, b"message", &signature).unwrap();
    });
    let (count, ()) = cost(&client, || {
        session.sign_init(&Mechanism::Sha256RsaPkcs, private).unwrap();
        for _ in 0..100 {
            session.sign_update(&[7; 1000]).unwrap();
        }
        session.sign_final().unwrap();
    });
    assert_eq!(count, 1, "a signature in parts");
}

/// What whole programs cost, start and end included. The figures are upper limits: a version of a program that asks
/// for more fails here, and is looked at.
#[test]
fn what_each_program_costs() {
    let daemon = Daemon::start();
    daemon.make_key("web", &["--kty", "RSA"]);
    let file = daemon.write("message", "message");
    let count = |what: &str, most: u64, work: &dyn Fn()| {
        let before = requests(&daemon);
        work();
        let count = requests(&daemon) - before;
        eprintln!("{what}: {count} requests");
        assert!(count <= most, "{what}: {count} requests, at most {most}");
    };
    count("openssl dgst by the engine", 12, &|| {
        let arguments = [
            "dgst",
            "-engine",
            "pkcs11",
            "-sha256",
            "-keyform",
            "engine",
            "-sign",
            &key_uri("web"),
            "-out",
            "signature",
        ];
        output_of(daemon.openssl_engine(&arguments).arg(&file));
    });
    count("pkcs11-tool --sign", 12, &|| {
        let mut command = daemon.command(tool("pkcs11-tool", "opensc"));
        command
            .arg("--module")
            .arg(softkeep_tests::module())
            .args(["--login", "--pin", PIN, "--sign", "--label", "web"]);
        command.args(["-m", "SHA256-RSA-PKCS", "-i"]).arg(&file).args(["-o", "signature"]);
        output_of(&mut command);
    });
    count("ssh-keygen -D", 6, &|| {
        let mut command = daemon.command(tool("ssh-keygen", "openssh-client"));
        assert!(run(command.arg("-D").arg(softkeep_tests::module())).status.success());
    });
    count("p11tool --list-all", 8, &|| {
        let mut command = daemon.command(tool("p11tool", "gnutls-bin"));
        command.arg("--provider").arg(softkeep_tests::module()).args(["--list-all", "pkcs11:token=dev"]);
        output_of(&mut command);
    });
}
