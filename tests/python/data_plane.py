"""Key Vault's operations from another language: every algorithm, batches and streams. OpenSSL encrypts what the daemon
must decrypt, and judges what it has signed.

Usage: data_plane.py ENDPOINT STUBS. Works in the current folder; each assertion is a promise of the protos.
"""

import hashlib
import subprocess
import sys
import threading
from pathlib import Path

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

ENDPOINT, STUBS = sys.argv[1:]
sys.path.insert(0, STUBS)

from softkeep.v1 import crypto_pb2, crypto_pb2_grpc, keys_pb2, keys_pb2_grpc  # noqa: E402

VAULT = "dev"
MESSAGE = b"what is signed"
Code = grpc.StatusCode


def refused(call, code, reason):
    """The call fails with this status, and ErrorInfo says why."""
    try:
        call()
    except grpc.RpcError as error:
        assert error.code() == code, (error.code(), error.details(), reason)
        info = error_details_pb2.ErrorInfo()
        assert any(detail.Unpack(info) for detail in rpc_status.from_call(error).details)
        assert (info.domain, info.reason) == ("softkeep", reason), info
        return
    raise AssertionError(f"{reason} was expected, and the call succeeded")


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


def key(name):
    return crypto_pb2.KeyRef(vault=VAULT, name=name)


def make(keys, name, kty, ops, **more):
    made = keys.CreateKey(keys_pb2.CreateKeyRequest(vault=VAULT, name=name, kty=kty, key_ops=ops, **more), timeout=60)
    Path(f"{name}.der").write_bytes(made.public_key_der)


def ciphers(crypto, keys):
    make(keys, "rsa", "RSA", ["encrypt", "decrypt", "wrapKey", "unwrapKey"])
    Path("plaintext").write_bytes(MESSAGE)
    oaep = ["-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt"]
    for algorithm, options in (
        ("RSA1_5", ["-pkeyopt", "rsa_padding_mode:pkcs1"]),
        ("RSA-OAEP", [*oaep, "rsa_oaep_md:sha1"]),
        ("RSA-OAEP-256", [*oaep, "rsa_oaep_md:sha256", "-pkeyopt", "rsa_mgf1_md:sha256"]),
    ):
        public = ["-pubin", "-keyform", "DER", "-inkey", "rsa.der"]
        openssl("pkeyutl", "-encrypt", *public, *options, "-in", "plaintext", "-out", "ciphertext")
        request = crypto_pb2.DecryptRequest(key=key("rsa"), algorithm=algorithm, ciphertext=Path("ciphertext").read_bytes())
        assert crypto.Decrypt(request, timeout=10).plaintext == MESSAGE, algorithm
        assert crypto.UnwrapKey(request, timeout=10).plaintext == MESSAGE, algorithm

    for bits in (128, 192, 256):
        name = f"aes{bits}"
        make(keys, name, "oct", ["encrypt", "decrypt", "wrapKey", "unwrapKey"], key_size_bits=bits)
        for form in ("GCM", "CBC", "CBCPAD", "KW"):
            algorithm = f"A{bits}{form}"
            call, back = (crypto.WrapKey, crypto.UnwrapKey) if form == "KW" else (crypto.Encrypt, crypto.Decrypt)
            aad = b"header" if form == "GCM" else b""
            request = crypto_pb2.EncryptRequest(key=key(name), algorithm=algorithm, plaintext=bytes(32), aad=aad)
            made = call(request, timeout=10)
            assert made.kid.endswith(back(decryption(name, algorithm, made), timeout=10).kid[-32:])
            assert back(decryption(name, algorithm, made), timeout=10).plaintext == bytes(32), algorithm
            assert (len(made.iv), len(made.tag)) == {"GCM": (12, 16), "KW": (0, 0)}.get(form, (16, 0)), made
            other = decryption(f"aes{128 if bits == 256 else 128}", f"A{256 if bits == 128 else bits}{form}", made)
            refused(lambda: back(other, timeout=10), Code.FAILED_PRECONDITION, "KEY_TYPE_MISMATCH")
    changed = decryption("aes256", "A256KW", made)
    changed.ciphertext = changed.ciphertext[:-1] + bytes([changed.ciphertext[-1] ^ 1])
    refused(lambda: crypto.UnwrapKey(changed, timeout=10), Code.INVALID_ARGUMENT, "DECRYPT_FAILED")
    print("ciphers")


def decryption(name, algorithm, made):
    return crypto_pb2.DecryptRequest(
        key=key(name), algorithm=algorithm, ciphertext=made.ciphertext, iv=made.iv, tag=made.tag, aad=made.aad
    )


def signatures(crypto, keys):
    digest = hashlib.sha256(MESSAGE).digest()
    make(keys, "k1", "EC", ["sign", "verify"], curve="P-256K")
    make(keys, "ed", "OKP", ["sign", "verify"], curve="Ed25519")
    make(keys, "mac", "oct", ["sign", "verify"], key_size_bits=256)
    for name, algorithm, signed in (("k1", "ES256K", digest), ("ed", "EdDSA", MESSAGE), ("mac", "HS256", MESSAGE)):
        request = crypto_pb2.SignRequest(key=key(name), algorithm=algorithm, digest=signed)
        signature = crypto.Sign(request, timeout=10).signature
        verify = crypto_pb2.VerifyRequest(key=key(name), algorithm=algorithm, digest=signed, signature=signature)
        assert crypto.Verify(verify, timeout=10).valid, algorithm
        verify.signature = bytes(len(signature))
        assert not crypto.Verify(verify, timeout=10).valid, algorithm
        Path(f"{name}.signature").write_bytes(signature)
        other = crypto_pb2.SignRequest(key=key(name), algorithm="RS256", digest=digest)
        refused(lambda: crypto.Sign(other, timeout=10), Code.FAILED_PRECONDITION, "KEY_TYPE_MISMATCH")
        unknown = crypto_pb2.SignRequest(key=key(name), algorithm="none", digest=digest)
        refused(lambda: crypto.Sign(unknown, timeout=10), Code.INVALID_ARGUMENT, "UNSUPPORTED_ALGORITHM")
    short = crypto_pb2.SignRequest(key=key("k1"), algorithm="ES256K", digest=digest[1:])
    refused(lambda: crypto.Sign(short, timeout=10), Code.INVALID_ARGUMENT, "INVALID_LENGTH")
    encrypt = crypto_pb2.EncryptRequest(key=key("mac"), algorithm="A256GCM", plaintext=MESSAGE)
    refused(lambda: crypto.Encrypt(encrypt, timeout=10), Code.FAILED_PRECONDITION, "OPERATION_NOT_PERMITTED")
    print("signatures")


def sign(name, number):
    digest = hashlib.sha256(str(number).encode()).digest()
    return crypto_pb2.CryptoRequest(sign=crypto_pb2.SignRequest(key=key(name), algorithm="ES256K", digest=digest))


def batches(crypto):
    requests = [sign("k1" if number % 7 else "nobody", number) for number in range(256)]
    replies = crypto.Batch(crypto_pb2.BatchRequest(requests=requests), timeout=30).replies
    assert len(replies) == 256
    checks = []
    for number, (request, reply) in enumerate(zip(requests, replies)):
        if number % 7 == 0:
            failure = reply.failure
            assert (failure.code, failure.reason) == (Code.NOT_FOUND.value[0], "KEY_NOT_FOUND"), reply
            assert len(failure.request_id) == 16, "the audit log names it so"
            continue
        verify = crypto_pb2.VerifyRequest(
            key=key("k1"), algorithm="ES256K", digest=request.sign.digest, signature=reply.sign.signature
        )
        checks.append(crypto_pb2.CryptoRequest(verify=verify))
    verified = crypto.Batch(crypto_pb2.BatchRequest(requests=checks), timeout=30).replies
    assert all(reply.verify.valid for reply in verified), "each answer is to its own request"
    for count in (0, 257):
        wrong = crypto_pb2.BatchRequest(requests=requests[:1] * count)
        refused(lambda: crypto.Batch(wrong, timeout=10), Code.INVALID_ARGUMENT, "INVALID_ARGUMENT")
    nothing = crypto.Batch(crypto_pb2.BatchRequest(requests=[crypto_pb2.CryptoRequest()]), timeout=10).replies
    assert nothing[0].failure.reason == "INVALID_ARGUMENT"
    print("batches")


def streams(crypto):
    count = 5000

    def requests():
        # RSA takes longer than the rest: what comes after it does not wait.
        padded = crypto_pb2.DecryptRequest(key=key("rsa"), algorithm="RSA1_5", ciphertext=b"\1" * 256)
        slow = crypto_pb2.CryptoRequest(decrypt=padded)
        for number in range(count):
            yield crypto_pb2.PipelineRequest(number=number, request=slow if number % 50 == 0 else sign("k1", number))

    seen = [reply.number for reply in crypto.Pipeline(requests(), timeout=120)]
    assert sorted(seen) == list(range(count)), "each is answered once"
    assert seen != sorted(seen), "nobody waits for the slow ones"

    # One that never ends, and whose answers nobody takes: it is cancelled and leaves nothing behind.
    sent, stop = [0], threading.Event()

    def endless():
        while not stop.is_set():
            sent[0] += 1
            yield crypto_pb2.PipelineRequest(number=sent[0], request=sign("k1", sent[0]))

    call = crypto.Pipeline(endless(), timeout=120)
    for _ in range(10):
        next(call)
    call.cancel()
    stop.set()
    assert crypto.Batch(crypto_pb2.BatchRequest(requests=[sign("k1", 1)]), timeout=10).replies[0].sign.signature
    print("streams")


# See client.py: what C core says of a Unix socket.
with grpc.insecure_channel(ENDPOINT, options=[("grpc.default_authority", "localhost")]) as channel:
    crypto_stub, keys_stub = crypto_pb2_grpc.CryptoStub(channel), keys_pb2_grpc.KeysStub(channel)
    ciphers(crypto_stub, keys_stub)
    signatures(crypto_stub, keys_stub)
    batches(crypto_stub)
    streams(crypto_stub)
