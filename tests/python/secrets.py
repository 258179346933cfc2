"""Secrets from another language: bytes as they were set, versions, backups, deletion, and what is refused.

Usage: secrets.py ENDPOINT STUBS STEP... Leaves secrets behind for whoever looks after a restart.
"""

import sys

import grpc
from google.protobuf import field_mask_pb2
from google.rpc import error_details_pb2
from grpc_status import rpc_status

ENDPOINT, STUBS, *STEPS = sys.argv[1:]
sys.path.insert(0, STUBS)

from softkeep.v1 import secrets_pb2 as pb  # noqa: E402
from softkeep.v1 import secrets_pb2_grpc, vaults_pb2, vaults_pb2_grpc  # noqa: E402

VAULT = "dev"
EXACT = b"line one\r\nline two \t\0\xff "
Code = grpc.StatusCode


def refused(call, code, reason):
    """The call fails with this status, and ErrorInfo says why; no message repeats a value."""
    try:
        call()
    except grpc.RpcError as error:
        assert error.code() == code, (error.code(), error.details(), reason)
        info = error_details_pb2.ErrorInfo()
        assert any(detail.Unpack(info) for detail in rpc_status.from_call(error).details)
        assert (info.domain, info.reason) == ("softkeep", reason), info
        assert "line" not in error.details(), error.details()
        return
    raise AssertionError(f"{reason} was expected, and the call succeeded")


def values(secrets):
    made = secrets.SetSecret(pb.SetSecretRequest(vault=VAULT, name="Exact", value=EXACT), timeout=10)
    assert made.value == EXACT and made.enabled and len(made.version) == 32, made.id
    assert made.id == f"https://dev.vault.localhost/secrets/Exact/{made.version}", made.id
    assert (made.recovery_level, made.recoverable_days) == ("Recoverable+Purgeable", 90), made
    assert secrets.GetSecret(pb.GetSecretRequest(vault=VAULT, name="exact"), timeout=10).value == EXACT
    largest = bytes(range(256)) * 100
    secrets.SetSecret(pb.SetSecretRequest(vault=VAULT, name="largest", value=largest), timeout=10)
    assert secrets.GetSecret(pb.GetSecretRequest(vault=VAULT, name="largest"), timeout=10).value == largest
    more = pb.SetSecretRequest(vault=VAULT, name="largest", value=largest + b"!")
    refused(lambda: secrets.SetSecret(more, timeout=10), Code.INVALID_ARGUMENT, "INVALID_ARGUMENT")
    bad = pb.SetSecretRequest(vault=VAULT, name="a_b", value=EXACT)
    refused(lambda: secrets.SetSecret(bad, timeout=10), Code.INVALID_ARGUMENT, "INVALID_ARGUMENT")
    print("values")


def versions(secrets):
    for number in range(30):
        request = pb.SetSecretRequest(vault=VAULT, name="many", value=b"%d" % number, request_id=f"many-{number}")
        first = secrets.SetSecret(request, timeout=10)
        assert secrets.SetSecret(request, timeout=10).version == first.version, "a repeated request is harmless"
    request, found = pb.ListSecretVersionsRequest(vault=VAULT, name="many", page_size=8), []
    while True:
        page = secrets.ListSecretVersions(request, timeout=10)
        assert len(page.secrets) <= 8 and not any(secret.value for secret in page.secrets)
        found += [secret.version for secret in page.secrets]
        request.page_token = page.next_page_token
        if not page.next_page_token:
            break
    told = [secrets.GetSecret(pb.GetSecretRequest(vault=VAULT, name="many", version=v), timeout=10) for v in found]
    assert [secret.value for secret in told] == [b"%d" % number for number in range(30)]
    missing = pb.GetSecretRequest(vault=VAULT, name="many", version="0" * 32)
    refused(lambda: secrets.GetSecret(missing, timeout=10), Code.NOT_FOUND, "SECRET_NOT_FOUND")
    off = pb.UpdateSecretRequest(vault=VAULT, name="many", version=found[0], attributes=pb.SecretAttributes(enabled=False))
    off.update_mask.CopyFrom(field_mask_pb2.FieldMask(paths=["enabled"]))
    assert not secrets.UpdateSecret(off, timeout=10).enabled
    disabled = pb.GetSecretRequest(vault=VAULT, name="many", version=found[0])
    refused(lambda: secrets.GetSecret(disabled, timeout=10), Code.FAILED_PRECONDITION, "SECRET_DISABLED")
    print("versions")


def deletion(secrets):
    backup = secrets.BackupSecret(pb.BackupSecretRequest(vault=VAULT, name="many"), timeout=10).backup
    deleted = secrets.DeleteSecret(pb.DeleteSecretRequest(vault=VAULT, name="many"), timeout=10)
    assert deleted.scheduled_purge == deleted.deleted + 90 * 86400 and not deleted.value
    again = pb.SetSecretRequest(vault=VAULT, name="many", value=EXACT)
    refused(lambda: secrets.SetSecret(again, timeout=10), Code.ALREADY_EXISTS, "NAME_DELETED")
    assert secrets.GetDeletedSecret(pb.GetDeletedSecretRequest(vault=VAULT, name="many"), timeout=10).name == "many"
    listed = secrets.ListDeletedSecrets(pb.ListSecretsRequest(vault=VAULT), timeout=10).secrets
    assert [secret.name for secret in listed] == ["many"]
    secrets.RecoverDeletedSecret(pb.RecoverDeletedSecretRequest(vault=VAULT, name="many"), timeout=10)
    assert secrets.GetSecret(pb.GetSecretRequest(vault=VAULT, name="many"), timeout=10).value == b"29"
    secrets.DeleteSecret(pb.DeleteSecretRequest(vault=VAULT, name="many"), timeout=10)
    secrets.PurgeDeletedSecret(pb.PurgeDeletedSecretRequest(vault=VAULT, name="many"), timeout=10)
    gone = pb.RecoverDeletedSecretRequest(vault=VAULT, name="many")
    refused(lambda: secrets.RecoverDeletedSecret(gone, timeout=10), Code.NOT_FOUND, "SECRET_NOT_FOUND")
    restored = secrets.RestoreSecret(pb.RestoreSecretRequest(vault=VAULT, backup=backup), timeout=10)
    assert restored.version == deleted.version
    broken = pb.RestoreSecretRequest(vault=VAULT, backup=backup[:-1])
    refused(lambda: secrets.RestoreSecret(broken, timeout=10), Code.INVALID_ARGUMENT, "BACKUP_INVALID")
    print("deletion")


def publish(secrets, vaults):
    secrets.SetSecret(pb.SetSecretRequest(vault=VAULT, name="shown", value=EXACT), timeout=10)
    update = vaults_pb2.UpdateVaultRequest(vault=vaults_pb2.Vault(name=VAULT, publish_secrets=True))
    update.update_mask.CopyFrom(field_mask_pb2.FieldMask(paths=["publish_secrets"]))
    assert vaults.UpdateVault(update, timeout=10).publish_secrets
    print("publish")


def grant(vaults, *names):
    """What the vault's PIN user may do with its secrets."""
    allowed = vaults_pb2.PermissionList(names=names)
    policy = vaults_pb2.SetAccessPolicyRequest(vault=VAULT, principal="pin:user", secrets=allowed)
    vaults.SetAccessPolicy(policy, timeout=10)
    print("grant" if names else "revoke")


# See client.py: what C core says of a Unix socket.
with grpc.insecure_channel(ENDPOINT, options=[("grpc.default_authority", "localhost")]) as channel:
    stub, control = secrets_pb2_grpc.SecretsStub(channel), vaults_pb2_grpc.VaultsStub(channel)
    steps = {
        "values": lambda: values(stub),
        "versions": lambda: versions(stub),
        "deletion": lambda: deletion(stub),
        "publish": lambda: publish(stub, control),
        "grant": lambda: grant(control, "get"),
        "revoke": lambda: grant(control),
    }
    for step in STEPS:
        steps[step]()
