"""Key Vault's model from another language, from the protos alone: groups and vaults, keys and their rotation, secrets,
certificates, principals, policies and roles, batches and streams. Each assertion is a promise of the protos.

Usage: key_vault.py ENDPOINT STUBS. Works in the current folder; certificates are left as files for OpenSSL to judge.
"""

import hashlib
import sys
import time
from pathlib import Path

import grpc
from google.protobuf import field_mask_pb2
from google.rpc import error_details_pb2
from grpc_status import rpc_status

ENDPOINT, STUBS = sys.argv[1:]
sys.path.insert(0, STUBS)

from softkeep.v1 import access_pb2, access_pb2_grpc, certificates_pb2, certificates_pb2_grpc  # noqa: E402
from softkeep.v1 import crypto_pb2, crypto_pb2_grpc, keys_pb2, keys_pb2_grpc  # noqa: E402
from softkeep.v1 import secrets_pb2, secrets_pb2_grpc, vaults_pb2, vaults_pb2_grpc  # noqa: E402

GROUP, VAULT = "PythonGroup", "python-vault"
Code = grpc.StatusCode


def mask(*paths):
    return field_mask_pb2.FieldMask(paths=paths)


def refused(call, code, reason):
    """The call fails with this status, and ErrorInfo says why in a word programs can rely on."""
    try:
        call()
    except grpc.RpcError as error:
        assert error.code() == code, (error.code(), error.details(), reason)
        details = rpc_status.from_call(error).details
        info = error_details_pb2.ErrorInfo()
        assert any(detail.Unpack(info) for detail in details), details
        assert (info.domain, info.reason) == ("softkeep", reason), info
        return
    raise AssertionError(f"{reason} was expected, and the call succeeded")


def pages(call, request, items):
    """Everything that a list has, page by page."""
    found = []
    while True:
        page = call(request, timeout=10)
        assert len(getattr(page, items)) <= request.page_size, page
        found += getattr(page, items)
        if not page.next_page_token:
            return found
        request.page_token = page.next_page_token


def vaults(channel):
    stub = vaults_pb2_grpc.VaultsStub(channel)
    create = vaults_pb2.CreateVaultRequest(name=VAULT, resource_group=GROUP, sku="Premium", request_id="v")
    refused(lambda: stub.CreateVault(create, timeout=10), Code.NOT_FOUND, "GROUP_NOT_FOUND")
    group = vaults_pb2.CreateGroupRequest(name=GROUP, location="East Asia", tags={"a": "b"})
    assert stub.CreateGroup(group, timeout=10).location == "eastasia"
    made = stub.CreateVault(create, timeout=10)
    assert (made.name, made.resource_group, made.sku) == (VAULT, GROUP, "premium"), made
    assert made.vault_uri == f"https://{VAULT}.vault.localhost/" and made.authorization == "access-policy", made
    assert stub.CreateVault(create, timeout=10).id == made.id, "a repeated request is harmless"
    update = vaults_pb2.UpdateVaultRequest(update_mask=mask("tags", "enabled_for_deployment"))
    update.vault.name = VAULT
    update.vault.tags["team"] = "red"
    update.vault.enabled_for_deployment = True
    update.vault.sku = "standard"
    changed = stub.UpdateVault(update, timeout=10)
    assert changed.enabled_for_deployment and changed.tags == {"team": "red"} and changed.sku == "premium", changed
    update.vault.soft_delete_retention_days = 30
    update.update_mask.paths[:] = ["soft_delete_retention_days"]
    refused(lambda: stub.UpdateVault(update, timeout=10), Code.INVALID_ARGUMENT, "INVALID_ARGUMENT")
    update.update_mask.paths[:] = ["no_such_field"]
    refused(lambda: stub.UpdateVault(update, timeout=10), Code.INVALID_ARGUMENT, "INVALID_ARGUMENT")

    gone = "python-gone"
    stub.CreateVault(vaults_pb2.CreateVaultRequest(name=gone, resource_group=GROUP), timeout=10)
    stub.DeleteVault(vaults_pb2.DeleteVaultRequest(name=gone), timeout=10)
    again = vaults_pb2.CreateVaultRequest(name=gone, resource_group=GROUP)
    refused(lambda: stub.CreateVault(again, timeout=10), Code.ALREADY_EXISTS, "NAME_DELETED")
    check = stub.CheckVaultName(vaults_pb2.CheckVaultNameRequest(name=gone), timeout=10)
    assert not check.available and check.reason == "AlreadyExists", check
    assert stub.RecoverVault(vaults_pb2.RecoverVaultRequest(name=gone), timeout=10).name == gone
    stub.DeleteVault(vaults_pb2.DeleteVaultRequest(name=gone), timeout=10)
    deleted = stub.ListDeletedVaults(vaults_pb2.ListVaultsRequest(), timeout=10).vaults
    assert [vault.name for vault in deleted] == [gone] and deleted[0].scheduled_purge > deleted[0].deleted
    stub.PurgeVault(vaults_pb2.PurgeVaultRequest(name=gone), timeout=10)
    assert stub.CheckVaultName(vaults_pb2.CheckVaultNameRequest(name=gone), timeout=10).available


def keys(channel):
    stub = keys_pb2_grpc.KeysStub(channel)
    create = lambda name, **rest: stub.CreateKey(keys_pb2.CreateKeyRequest(vault=VAULT, name=name, **rest), timeout=30)
    first = create("turning", kty="EC-HSM", curve="P-256", key_ops=["sign", "verify"])
    for name in ("page-a", "page-b", "page-c"):
        create(name, kty="oct-HSM", key_size_bits=256)
    named = lambda **rest: dict(vault=VAULT, name="turning", **rest)
    second = stub.RotateKey(keys_pb2.RotateKeyRequest(**named(request_id="r")), timeout=30)
    assert stub.RotateKey(keys_pb2.RotateKeyRequest(**named(request_id="r")), timeout=30).version == second.version
    assert second.version != first.version and second.key_ops == first.key_ops and second.kty == "EC-HSM", second
    listed = pages(stub.ListKeyVersions, keys_pb2.ListKeyVersionsRequest(**named(page_size=1)), "keys")
    assert [key.version for key in listed] == [first.version, second.version]
    listed = pages(stub.ListKeys, keys_pb2.ListKeysRequest(vault=VAULT, page_size=2), "keys")
    assert [key.name for key in listed] == ["page-a", "page-b", "page-c", "turning"]

    update = keys_pb2.UpdateKeyRequest(**named(version=first.version), update_mask=mask("enabled", "tags"))
    update.attributes.enabled = False
    update.attributes.tags["old"] = "yes"
    changed = stub.UpdateKey(update, timeout=10)
    assert not changed.enabled and changed.tags == {"old": "yes"} and changed.key_ops == first.key_ops, changed
    digest = hashlib.sha256(b"message").digest()
    sign = crypto_pb2.SignRequest(key=crypto_pb2.KeyRef(**named(version=first.version)), algorithm="ES256", digest=digest)
    crypto = crypto_pb2_grpc.CryptoStub(channel)
    refused(lambda: crypto.Sign(sign, timeout=10), Code.FAILED_PRECONDITION, "KEY_DISABLED")

    policy = keys_pb2.RotationPolicy(**named(expiry_time="P90D"))
    policy.lifetime_actions.add(action="Rotate", time_before_expiry="P10D")
    policy.lifetime_actions.add(action="Notify", time_before_expiry="P30D")
    kept = stub.SetRotationPolicy(keys_pb2.SetRotationPolicyRequest(policy=policy), timeout=10)
    assert kept.expiry_time == "P90D" and len(kept.lifetime_actions) == 2 and kept.created, kept
    policy.expiry_time = "P27D"
    wrong = lambda: stub.SetRotationPolicy(keys_pb2.SetRotationPolicyRequest(policy=policy), timeout=10)
    refused(wrong, Code.INVALID_ARGUMENT, "INVALID_ARGUMENT")

    backup = stub.BackupKey(keys_pb2.BackupKeyRequest(**named()), timeout=10).backup
    restore = keys_pb2.RestoreKeyRequest(vault=VAULT, backup=backup)
    refused(lambda: stub.RestoreKey(restore, timeout=10), Code.ALREADY_EXISTS, "ALREADY_EXISTS")
    stub.DeleteKey(keys_pb2.DeleteKeyRequest(**named()), timeout=10)
    refused(lambda: stub.RestoreKey(restore, timeout=10), Code.ALREADY_EXISTS, "NAME_DELETED")
    stub.GetDeletedKey(keys_pb2.GetDeletedKeyRequest(**named()), timeout=10)
    stub.PurgeDeletedKey(keys_pb2.PurgeDeletedKeyRequest(**named()), timeout=10)
    gone = lambda: stub.GetDeletedKey(keys_pb2.GetDeletedKeyRequest(**named()), timeout=10)
    refused(gone, Code.NOT_FOUND, "KEY_NOT_FOUND")
    assert stub.RestoreKey(restore, timeout=10).version == second.version
    restore.backup = backup[:-1] + bytes([backup[-1] ^ 1])
    stub.DeleteKey(keys_pb2.DeleteKeyRequest(**named()), timeout=10)
    stub.PurgeDeletedKey(keys_pb2.PurgeDeletedKeyRequest(**named()), timeout=10)
    refused(lambda: stub.RestoreKey(restore, timeout=10), Code.INVALID_ARGUMENT, "BACKUP_INVALID")


def secrets(channel):
    stub = secrets_pb2_grpc.SecretsStub(channel)
    value = b"a trailing blank stays \x00\xff "
    put = secrets_pb2.SetSecretRequest(vault=VAULT, name="word", value=value, content_type="text/plain", request_id="s")
    first = stub.SetSecret(put, timeout=10)
    assert stub.SetSecret(put, timeout=10).version == first.version
    put.request_id, put.value = "", b"x" * 25_600
    second = stub.SetSecret(put, timeout=10)
    put.value += b"x"
    refused(lambda: stub.SetSecret(put, timeout=10), Code.INVALID_ARGUMENT, "INVALID_ARGUMENT")
    get = lambda version="": stub.GetSecret(
        secrets_pb2.GetSecretRequest(vault=VAULT, name="word", version=version), timeout=10
    )
    assert get().value == b"x" * 25_600 and get().version == second.version
    assert get(first.version).value == value and get(first.version).content_type == "text/plain"
    listed = pages(stub.ListSecretVersions, secrets_pb2.ListSecretVersionsRequest(vault=VAULT, name="word", page_size=1), "secrets")
    assert [secret.version for secret in listed] == [first.version, second.version]
    assert not any(secret.value for secret in listed), "lists tell no values"
    update = secrets_pb2.UpdateSecretRequest(vault=VAULT, name="word", version=first.version, update_mask=mask("enabled"))
    update.attributes.enabled = False
    stub.UpdateSecret(update, timeout=10)
    refused(lambda: get(first.version), Code.FAILED_PRECONDITION, "SECRET_DISABLED")
    stub.DeleteSecret(secrets_pb2.DeleteSecretRequest(vault=VAULT, name="word"), timeout=10)
    refused(get, Code.NOT_FOUND, "SECRET_NOT_FOUND")
    stub.RecoverDeletedSecret(secrets_pb2.RecoverDeletedSecretRequest(vault=VAULT, name="word"), timeout=10)
    assert get().version == second.version


def certificates(channel):
    stub = certificates_pb2_grpc.CertificatesStub(channel)
    policy = certificates_pb2.CertificatePolicy(
        issuer="Self", kty="EC", curve="P-256", exportable=True, content_type="application/x-pem-file",
        subject="CN=python.example", dns_names=["python.example", "www.python.example"], validity_months=12,
    )
    create = certificates_pb2.CreateCertificateRequest(vault=VAULT, name="web", policy=policy)
    operation = stub.CreateCertificate(create, timeout=30)
    assert operation.status == "completed" and "/certificates/web" in operation.target, operation
    shown = stub.GetCertificate(certificates_pb2.GetCertificateRequest(vault=VAULT, name="web"), timeout=10)
    assert shown.thumbprint == hashlib.sha1(shown.cer).digest() and "python.example" in shown.subject, shown
    assert shown.kid.replace("/keys/", "/certificates/") == shown.id == shown.sid.replace("/secrets/", "/certificates/")
    Path("web.der").write_bytes(shown.cer)
    key = keys_pb2_grpc.KeysStub(channel).GetKey(keys_pb2.GetKeyRequest(vault=VAULT, name="web"), timeout=10)
    assert key.managed and key.kid == shown.kid
    remove = keys_pb2.DeleteKeyRequest(vault=VAULT, name="web")
    refused(lambda: keys_pb2_grpc.KeysStub(channel).DeleteKey(remove, timeout=10), Code.FAILED_PRECONDITION, "MANAGED_OBJECT")
    secret = secrets_pb2_grpc.SecretsStub(channel).GetSecret(
        secrets_pb2.GetSecretRequest(vault=VAULT, name="web"), timeout=10
    )
    assert secret.managed and b"PRIVATE KEY" in secret.value and b"BEGIN CERTIFICATE" in secret.value
    Path("web.pem").write_bytes(secret.value)
    none = certificates_pb2.GetCertificateOperationRequest(vault=VAULT, name="nothing")
    refused(lambda: stub.GetCertificateOperation(none, timeout=10), Code.NOT_FOUND, "CERTIFICATE_NOT_FOUND")


def access(channel):
    stub = access_pb2_grpc.AccessStub(channel)
    create = access_pb2.CreatePrincipalRequest(kind="ServicePrincipal", display_name="robot", password="robot-secret-1")
    robot = stub.CreatePrincipal(create, timeout=10)
    credential = access_pb2.PasswordCredential(name=robot.app_id, password="robot-secret-1")
    signed_in = stub.SignIn(access_pb2.SignInRequest(client_secret=credential), timeout=10)
    bearer = (("authorization", f"Bearer {signed_in.access_token}"),)
    assert signed_in.principal.object_id == robot.object_id and signed_in.expires > time.time()
    credential.password = "wrong"
    wrong = lambda: stub.SignIn(access_pb2.SignInRequest(client_secret=credential), timeout=10)
    refused(wrong, Code.UNAUTHENTICATED, "UNAUTHENTICATED")

    secrets = secrets_pb2_grpc.SecretsStub(channel)
    get = lambda: secrets.GetSecret(secrets_pb2.GetSecretRequest(vault=VAULT, name="word"), timeout=10, metadata=bearer)
    refused(get, Code.NOT_FOUND, "VAULT_NOT_FOUND")
    vaults = vaults_pb2_grpc.VaultsStub(channel)
    allow = vaults_pb2.SetAccessPolicyRequest(vault=VAULT, principal=robot.app_id)
    allow.secrets.names[:] = ["get"]
    vaults.SetAccessPolicy(allow, timeout=10)
    assert get().name == "word"
    explain = access_pb2.ExplainPolicyRequest(principal=robot.app_id, permission="secrets/set", vault=VAULT, object="word")
    answer = stub.ExplainPolicy(explain, timeout=10)
    assert not answer.allowed and answer.reasons and answer.fix, answer
    explain.permission = "secrets/get"
    assert stub.ExplainPolicy(explain, timeout=10).allowed
    allow.secrets.names[:] = ["fly"]
    refused(lambda: vaults.SetAccessPolicy(allow, timeout=10), Code.INVALID_ARGUMENT, "INVALID_ARGUMENT")
    vaults.DeleteAccessPolicy(vaults_pb2.DeleteAccessPolicyRequest(vault=VAULT, principal=robot.app_id), timeout=10)
    refused(get, Code.NOT_FOUND, "VAULT_NOT_FOUND")
    stub.SignOut(access_pb2.SignOutRequest(), timeout=10, metadata=bearer)
    refused(get, Code.UNAUTHENTICATED, "TOKEN_INVALID")


def streams(channel):
    stub = crypto_pb2_grpc.CryptoStub(channel)
    key = crypto_pb2.KeyRef(vault=VAULT, name="page-a")
    seal = crypto_pb2.EncryptRequest(key=key, algorithm="A256GCM", plaintext=b"inside", aad=b"beside")
    sealed = stub.Encrypt(seal, timeout=10)
    assert len(sealed.iv) == 12 and len(sealed.tag) == 16
    unseal = crypto_pb2.DecryptRequest(
        key=key, algorithm="A256GCM", ciphertext=sealed.ciphertext, iv=sealed.iv, tag=sealed.tag, aad=b"beside"
    )
    missing = crypto_pb2.SignRequest(key=crypto_pb2.KeyRef(vault=VAULT, name="nothing"), algorithm="ES256", digest=b"0" * 32)
    requests = [crypto_pb2.CryptoRequest(decrypt=unseal), crypto_pb2.CryptoRequest(sign=missing)]
    replies = stub.Batch(crypto_pb2.BatchRequest(requests=requests), timeout=10).replies
    assert replies[0].decrypt.plaintext == b"inside" and replies[1].failure.reason == "KEY_NOT_FOUND", replies
    numbered = (crypto_pb2.PipelineRequest(number=number, request=requests[number % 2]) for number in range(100))
    answers = {reply.number: reply.reply for reply in stub.Pipeline(numbered, timeout=30)}
    assert len(answers) == 100
    for number, reply in answers.items():
        assert reply.WhichOneof("result") == ("failure" if number % 2 else "decrypt"), (number, reply)


def cleaning(channel):
    stub = vaults_pb2_grpc.VaultsStub(channel)
    stub.DeleteGroup(vaults_pb2.DeleteGroupRequest(name=GROUP), timeout=10)
    gone = lambda: stub.GetVault(vaults_pb2.GetVaultRequest(name=VAULT), timeout=10)
    refused(gone, Code.NOT_FOUND, "VAULT_NOT_FOUND")
    assert VAULT in [vault.name for vault in stub.ListDeletedVaults(vaults_pb2.ListVaultsRequest(), timeout=10).vaults]


def main():
    # See client.py: C core's :authority of a Unix socket.
    with grpc.insecure_channel(ENDPOINT, options=[("grpc.default_authority", "localhost")]) as channel:
        for part in (vaults, keys, secrets, certificates, access, streams, cleaning):
            part(channel)
            print(part.__name__, flush=True)


main()
