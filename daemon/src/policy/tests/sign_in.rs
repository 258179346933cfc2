//! Signing in, and tokens as they live and die.

use softkeep_proto::v1;
use zeroize::Zeroizing;

use super::world::{STRANGER, World, code};
use crate::{
    audit::record::Door,
    clock,
    error::{ErrorCode, Result},
    id::Id,
    identity::{
        Caller,
        token::{ACCESS_TOKEN_SECONDS, REFRESH_TOKEN_SECONDS, TokenKind},
    },
    keys::record::{RevokedRecord, row},
    ops::{
        add_credential::AddCredential,
        approve_device_sign_in::ApproveDeviceSignIn,
        begin_device_sign_in::BeginDeviceSignIn,
        create_principal::CreatePrincipal,
        delete_principal::DeletePrincipal,
        forget_revoked::{self, ForgetRevoked},
        sign_in::{SignIn, SignedInReply},
        sign_out::SignOut,
        update_principal::UpdatePrincipal,
        who_am_i::WhoAmI,
    },
    policy::{check_principal, principals::Who},
};

const PASSWORD: &str = "correct horse";

async fn with_ada() -> World {
    let world = World::new().await;
    let request = v1::CreatePrincipalRequest {
        kind: "User".into(),
        name: "Ada@example.com".into(),
        password: PASSWORD.into(),
        ..Default::default()
    };
    world.run(&Caller::Internal, CreatePrincipal::parse(request).unwrap()).await.unwrap();
    world
}

async fn password(world: &World, name: &str, password: &str) -> Result<SignedInReply> {
    world.run(&Caller::Peer(STRANGER), SignIn::Password(name.into(), Zeroizing::new(password.into()))).await
}

async fn who(world: &World, token: &str) -> Result<String> {
    let caller = world.pipeline.identify_bearer(&STRANGER, token, Door::Grpc)?;
    world.run(&caller, WhoAmI).await.map(|view| view.who.name())
}

async fn refresh(world: &World, token: &str) -> Result<SignedInReply> {
    world.run(&Caller::Peer(STRANGER), SignIn::RefreshToken(Zeroizing::new(token.into()))).await
}

async fn update(world: &World, path: &str, change: v1::UpdatePrincipalRequest) {
    let mut request = v1::UpdatePrincipalRequest { principal: "ada@example.com".into(), ..change };
    request.update_mask.get_or_insert_default().paths.push(path.to_owned());
    world.run(&Caller::Internal, UpdatePrincipal::parse(request).unwrap()).await.unwrap();
}

#[tokio::test]
async fn a_user_signs_in_and_goes_on_with_the_refresh_token() {
    let world = with_ada().await;
    let signed_in = password(&world, "ada@EXAMPLE.com", PASSWORD).await.unwrap();
    assert_eq!(who(&world, &signed_in.access_token).await.unwrap(), "Ada@example.com");
    let refresh_token = signed_in.refresh_token.unwrap();
    assert_eq!(code(who(&world, &refresh_token).await), Some(ErrorCode::TokenInvalid), "it is for signing in alone");
    assert_eq!(code(refresh(&world, &signed_in.access_token).await), Some(ErrorCode::TokenInvalid));
    let again = refresh(&world, &refresh_token).await.unwrap();
    assert_eq!(who(&world, &again.access_token).await.unwrap(), "Ada@example.com");
}

#[tokio::test]
async fn one_error_for_a_name_and_for_a_password() {
    let world = with_ada().await;
    let errors = [
        password(&world, "ada@example.com", "wrong").await.err().unwrap(),
        password(&world, "ada@example.com", "").await.err().unwrap(),
        password(&world, "nobody", PASSWORD).await.err().unwrap(),
        password(&world, &"x".repeat(5000), PASSWORD).await.err().unwrap(),
    ];
    for error in &errors {
        assert_eq!((error.code, &error.detail), (ErrorCode::Unauthenticated, &errors[0].detail));
        assert!(!error.answer_after.is_zero());
    }
    assert!(password(&world, "ada@example.com", PASSWORD).await.is_ok());
}

#[tokio::test]
async fn guessing_ends_in_waiting_also_for_the_right_password() {
    let world = with_ada().await;
    for _ in 0..5 {
        assert!(password(&world, "ada@example.com", "wrong").await.is_err());
    }
    let error = password(&world, "ada@example.com", PASSWORD).await.err().unwrap();
    assert!(error.detail.contains("try again in"), "{}", error.detail);
}

#[tokio::test]
async fn tokens_die_with_what_they_stand_on() {
    let world = with_ada().await;
    let sign_in = async || {
        let one = password(&world, "ada@example.com", PASSWORD).await.unwrap();
        (one.access_token, one.refresh_token.unwrap())
    };
    let dead = async |what: &str, tokens: &(Zeroizing<String>, Zeroizing<String>)| {
        assert_eq!(code(who(&world, &tokens.0).await), Some(ErrorCode::TokenInvalid), "{what}");
        assert_eq!(code(refresh(&world, &tokens.1).await), Some(ErrorCode::TokenInvalid), "{what}");
    };
    let (one, other) = (sign_in().await, sign_in().await);
    let caller = world.pipeline.identify_bearer(&STRANGER, &one.0, Door::Grpc).unwrap();
    world.run(&caller, SignOut::This).await.unwrap();
    dead("signed out", &one).await;
    assert!(who(&world, &other.0).await.is_ok(), "another sign-in goes on");
    let caller = world.pipeline.identify_bearer(&STRANGER, &other.0, Door::Grpc).unwrap();
    world.run(&caller, SignOut::All).await.unwrap();
    dead("signed out everywhere", &other).await;

    let tokens = sign_in().await;
    update(&world, "enabled", v1::UpdatePrincipalRequest { enabled: false, ..Default::default() }).await;
    dead("disabled", &tokens).await;
    assert_eq!(code(password(&world, "ada@example.com", PASSWORD).await), Some(ErrorCode::PermissionDenied));
    update(&world, "enabled", v1::UpdatePrincipalRequest { enabled: true, ..Default::default() }).await;
    dead("enabled again", &tokens).await;

    let tokens = sign_in().await;
    update(&world, "password", v1::UpdatePrincipalRequest { password: PASSWORD.into(), ..Default::default() }).await;
    dead("another password", &tokens).await;

    let tokens = sign_in().await;
    world.run(&Caller::Internal, DeletePrincipal("ada@example.com".into())).await.unwrap();
    dead("deleted", &tokens).await;
    assert!(password(&world, "ada@example.com", PASSWORD).await.is_err());
}

#[tokio::test]
async fn a_token_is_checked_against_the_time_at_every_call() {
    let world = with_ada().await;
    let signed_in = password(&world, "ada@example.com", PASSWORD).await.unwrap();
    let rooms = world.rooms();
    let who = rooms.sign_in.tokens.read(TokenKind::Access, &signed_in.access_token, clock::now_seconds()).unwrap();
    let view = rooms.keys.catalog.view();
    let at = |now: i64| check_principal(&view, &who, now).map_err(|error| error.detail);
    assert!(at(who.issued).is_ok() && at(who.expires - 1).is_ok());
    assert!(at(who.issued + ACCESS_TOKEN_SECONDS).unwrap_err().contains("expired"));
    assert!(at(who.issued - 3600).unwrap_err().contains("clock was set back"));
}

#[tokio::test]
async fn what_was_revoked_is_forgotten_when_it_has_ended() {
    let world = with_ada().await;
    let now = clock::now_seconds();
    for (byte, expires) in [(1, now - 1), (2, now + REFRESH_TOKEN_SECONDS)] {
        let session = Id([byte; 16]);
        world.put(row::revoked(session), &RevokedRecord { token: session.0.to_vec(), expires });
    }
    assert!(forget_revoked::due(&world.rooms().keys.catalog.view(), now).is_empty(), "no hurry");
    assert_eq!(forget_revoked::due(&world.rooms().keys.catalog.view(), now + 7200).len(), 1);
    world.run(&Caller::Internal, ForgetRevoked).await.unwrap();
    let rooms = world.rooms();
    let left: Vec<Id> = rooms.keys.catalog.view().directory.revoked.keys().copied().collect();
    assert_eq!(left, [Id([2; 16])]);
}

#[tokio::test]
async fn a_device_code_signs_in_as_who_approves_it() {
    let world = with_ada().await;
    let begin = async || world.run(&Caller::Peer(STRANGER), BeginDeviceSignIn).await.unwrap();
    let poll =
        async |code: &str| world.run(&Caller::Peer(STRANGER), SignIn::DeviceCode(Zeroizing::new(code.into()))).await;
    let begun = begin().await;
    assert_eq!(code(poll(&begun.device_code).await), Some(ErrorCode::SignInPending));
    let approve = || ApproveDeviceSignIn(begun.user_code.clone());
    assert_eq!(code(world.run(&Caller::Peer(STRANGER), approve()).await), Some(ErrorCode::PermissionDenied));
    let token = password(&world, "ada@example.com", PASSWORD).await.unwrap().access_token;
    let ada = world.pipeline.identify_bearer(&STRANGER, &token, Door::Grpc).unwrap();
    world.run(&ada, approve()).await.unwrap();
    let signed_in = poll(&begun.device_code).await.unwrap();
    assert_eq!(who(&world, &signed_in.access_token).await.unwrap(), "Ada@example.com");
    assert_eq!(code(poll(&begun.device_code).await), Some(ErrorCode::TokenInvalid), "once");
    // Who is signed out everywhere in between does not sign in by it.
    let begun = begin().await;
    world.run(&ada, ApproveDeviceSignIn(begun.user_code)).await.unwrap();
    world.run(&ada, SignOut::All).await.unwrap();
    assert_eq!(code(poll(&begun.device_code).await), Some(ErrorCode::TokenInvalid));
}

#[tokio::test]
async fn a_service_principal_signs_in_with_any_of_its_secrets_until_they_end() {
    let world = World::new().await;
    let request = v1::CreatePrincipalRequest {
        kind: "ServicePrincipal".into(),
        display_name: "app".into(),
        no_credential: true,
        ..Default::default()
    };
    let app = world.run(&Caller::Internal, CreatePrincipal::parse(request).unwrap()).await.unwrap();
    let Who::Stored(record) = &app.who else { panic!("a service principal has a record") };
    let app_id = Id::from_bytes(&record.app_id).unwrap().guid();
    let add = async |replace: bool| {
        let request = v1::AddCredentialRequest { principal: "app".into(), replace, ..Default::default() };
        let added = world.run(&Caller::Internal, AddCredential::parse(request).unwrap()).await.unwrap();
        added.password.unwrap()
    };
    let sign_in = async |secret: &Zeroizing<String>| {
        world.run(&Caller::Peer(STRANGER), SignIn::ClientSecret(app_id.clone(), secret.clone())).await
    };
    assert!(sign_in(&Zeroizing::new(String::new())).await.is_err(), "no credential, no sign-in");
    let (first, second) = (add(false).await, add(false).await);
    let signed_in = sign_in(&first).await.unwrap();
    assert!(signed_in.refresh_token.is_none() && sign_in(&second).await.is_ok());
    let wrong = SignIn::Password(app_id.clone(), first.clone());
    assert!(world.run(&Caller::Peer(STRANGER), wrong).await.is_err(), "it is no user");
    let third = add(true).await;
    assert!(sign_in(&first).await.is_err() && sign_in(&third).await.is_ok());
    assert_eq!(code(who(&world, &signed_in.access_token).await), Some(ErrorCode::TokenInvalid));
}
