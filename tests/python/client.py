"""A client in another language, from the protos alone: what a service of somebody else's would do.

Usage: client.py ENDPOINT STUBS. Works in the current folder; each assertion is a promise of the protos. The signatures
and public keys are left as files for OpenSSL to judge.
"""

import hashlib
import subprocess
import sys
import time
from pathlib import Path

import grpc
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status

ENDPOINT, STUBS = sys.argv[1:]
sys.path.insert(0, STUBS)

from softkeep.v1 import crypto_pb2, crypto_pb2_grpc, keys_pb2, keys_pb2_grpc  # noqa: E402
from softkeep.v1 import system_pb2, system_pb2_grpc, vaults_pb2, vaults_pb2_grpc  # noqa: E402

VAULT = "python"
MESSAGE = b"what is signed"


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


def health(channel):
    stub = health_pb2_grpc.HealthStub(channel)
    serving = health_pb2.HealthCheckResponse.SERVING
    for service in ("", "softkeep.v1.Crypto", "softkeep.v1.System"):
        assert stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=5).status == serving, service
    first = next(stub.Watch(health_pb2.HealthCheckRequest(service=""), timeout=5))
    assert first.status == serving
    try:
        stub.Check(health_pb2.HealthCheckRequest(service="no.such.Service"), timeout=5)
        raise AssertionError("an unknown service is healthy")
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.NOT_FOUND
    status = system_pb2_grpc.SystemStub(channel).GetStatus(system_pb2.GetStatusRequest(), timeout=5)
    assert status.dev_mode and not status.sealed and status.version, status


def vaults(channel):
    stub = vaults_pb2_grpc.VaultsStub(channel)
    request = vaults_pb2.CreateVaultRequest(name=VAULT, tags={"made-by": "python"}, request_id="one")
    made = stub.CreateVault(request, timeout=10)
    assert made.name == VAULT and len(made.id) == 32 and made.tags["made-by"] == "python", made
    assert stub.CreateVault(request, timeout=10).id == made.id, "a repeated request is harmless"
    taken = vaults_pb2.CreateVaultRequest(name=VAULT.upper(), request_id="two")
    refused(lambda: stub.CreateVault(taken, timeout=10), grpc.StatusCode.ALREADY_EXISTS, "ALREADY_EXISTS")
    listed = stub.ListVaults(vaults_pb2.ListVaultsRequest(), timeout=5).vaults
    assert [vault.name for vault in listed] == ["dev", VAULT], listed
    gone = vaults_pb2.GetVaultRequest(name="nowhere")
    refused(lambda: stub.GetVault(gone, timeout=5), grpc.StatusCode.NOT_FOUND, "VAULT_NOT_FOUND")


def keys(channel):
    stub = keys_pb2_grpc.KeysStub(channel)
    create = lambda **rest: stub.CreateKey(keys_pb2.CreateKeyRequest(vault=VAULT, **rest), timeout=30)
    rsa = create(name="rsa", kty="RSA")
    ec = create(name="ec", kty="EC", curve="P-256", request_id="ec")
    assert create(name="ec", kty="EC", curve="P-256", request_id="ec").version == ec.version
    assert (rsa.key_size_bits, rsa.kty, ec.curve, ec.kty) == (2048, "RSA", "P-256", "EC")
    assert len(rsa.n) == 256 and len(ec.x) == 32 and rsa.hsm_platform == "0" and not rsa.exportable
    create(name="other", kty="EC", curve="P-384")
    names, token = [], ""
    while True:
        page = stub.ListKeys(keys_pb2.ListKeysRequest(vault=VAULT, page_size=2, page_token=token), timeout=5)
        assert len(page.keys) <= 2
        names += [key.name for key in page.keys]
        token = page.next_page_token
        if not token:
            break
    assert names == ["ec", "other", "rsa"], names
    deleted = stub.DeleteKey(keys_pb2.DeleteKeyRequest(vault=VAULT, name="other"), timeout=5)
    assert deleted.deleted and deleted.scheduled_purge > deleted.deleted, deleted
    get = lambda: stub.GetKey(keys_pb2.GetKeyRequest(vault=VAULT, name="other"), timeout=5)
    refused(get, grpc.StatusCode.NOT_FOUND, "KEY_NOT_FOUND")
    refused(lambda: create(name="weak", kty="RSA", key_size_bits=1024), grpc.StatusCode.INVALID_ARGUMENT, "KEY_TOO_WEAK")
    refused(lambda: create(name="a b", kty="RSA"), grpc.StatusCode.INVALID_ARGUMENT, "INVALID_ARGUMENT")
    for key in (rsa, ec):
        Path(f"{key.name}.der").write_bytes(key.public_key_der)


def crypto(channel):
    stub = crypto_pb2_grpc.CryptoStub(channel)
    digest = hashlib.sha256(MESSAGE).digest()
    for name, algorithm in (("rsa", "RS256"), ("rsa", "PS256"), ("ec", "ES256")):
        key = crypto_pb2.KeyRef(vault=VAULT, name=name)
        request = crypto_pb2.SignRequest(key=key, algorithm=algorithm, digest=digest)
        reply = stub.Sign(request, timeout=10)
        assert reply.kid.startswith(f"https://{VAULT}."), reply.kid
        Path(f"{algorithm}.signature").write_bytes(reply.signature)
        check = crypto_pb2.VerifyRequest(key=key, algorithm=algorithm, digest=digest, signature=reply.signature)
        assert stub.Verify(check, timeout=10).valid
        check.digest = hashlib.sha256(b"what is not signed").digest()
        assert not stub.Verify(check, timeout=10).valid
        request.digest = digest[:20]
        refused(lambda: stub.Sign(request, timeout=10), grpc.StatusCode.INVALID_ARGUMENT, "INVALID_LENGTH")
    key = crypto_pb2.KeyRef(vault=VAULT, name="ec")
    request = crypto_pb2.SignRequest(key=key, algorithm="RS256", digest=digest)
    refused(lambda: stub.Sign(request, timeout=10), grpc.StatusCode.FAILED_PRECONDITION, "KEY_TYPE_MISMATCH")
    request.algorithm = "XX999"
    refused(lambda: stub.Sign(request, timeout=10), grpc.StatusCode.INVALID_ARGUMENT, "UNSUPPORTED_ALGORITHM")
    options = ["rsa_padding_mode:oaep", "rsa_oaep_md:sha256", "rsa_mgf1_md:sha256"]
    arguments = [word for option in options for word in ("-pkeyopt", option)]
    encrypt = ["openssl", "pkeyutl", "-encrypt", "-pubin", "-keyform", "DER", "-inkey", "rsa.der", *arguments]
    sealed = subprocess.run(encrypt, input=b"what is inside", stdout=subprocess.PIPE, check=True).stdout
    key = crypto_pb2.KeyRef(vault=VAULT, name="rsa")
    request = crypto_pb2.DecryptRequest(key=key, algorithm="RSA-OAEP-256", ciphertext=sealed)
    assert stub.Decrypt(request, timeout=10).plaintext == b"what is inside"
    request.ciphertext = sealed[:-1] + bytes([sealed[-1] ^ 1])
    refused(lambda: stub.Decrypt(request, timeout=10), grpc.StatusCode.INVALID_ARGUMENT, "DECRYPT_FAILED")
    random = stub.Random(crypto_pb2.RandomRequest(count_bytes=32), timeout=5).random
    assert len(random) == 32 and random != stub.Random(crypto_pb2.RandomRequest(count_bytes=32), timeout=5).random


def deadline(channel):
    stub = keys_pb2_grpc.KeysStub(channel)
    request = keys_pb2.CreateKeyRequest(vault=VAULT, name="late", kty="RSA", key_size_bits=4096)
    start = time.monotonic()
    try:
        stub.CreateKey(request, timeout=0.002)
        raise AssertionError("an RSA-4096 key in 2 ms")
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED, (error.code(), error.details())
    assert time.monotonic() - start < 1
    # The daemon's own clock: this side sets none.
    request.name = "later"
    late = lambda: stub.CreateKey(request, metadata=(("grpc-timeout", "2m"),))
    refused(late, grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED")
    # Nobody is stuck behind it.
    stub.GetKey(keys_pb2.GetKeyRequest(vault=VAULT, name="ec"), timeout=5)


def main():
    # gRPC's C core sends the socket's escaped path as :authority (grpc/grpc#38142), which the daemon's HTTP/2 library
    # refuses as malformed (hyperium/h2#487): over a Unix socket its clients have to name one.
    with grpc.insecure_channel(ENDPOINT, options=[("grpc.default_authority", "localhost")]) as channel:
        for part in (health, vaults, keys, crypto, deadline):
            part(channel)
            print(part.__name__, flush=True)


main()
