"""The package python-pkcs11 as a client: objects, uses, wrapping, derivation, each checked by the package cryptography.

Usage: pkcs11_package.py, with the module, the token's label and its PIN in the environment. Prints what it has done.
"""

import hashlib
import hmac
import os

import pkcs11
from cryptography.hazmat.primitives import hashes, keywrap, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, mlkem, padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pkcs11 import KDF, MGF, Attribute, KeyType, Mechanism, ObjectClass
from pkcs11.util.ec import (
    decode_ec_public_key,
    decode_ecdsa_signature,
    encode_ec_public_key,
    encode_ecdsa_signature,
    encode_named_curve_parameters,
)
from pkcs11.util.rsa import encode_rsa_public_key

MESSAGE = b"what is signed" * 1000
LIBRARY = pkcs11.lib(os.environ["SOFTKEEP_PKCS11_MODULE"])
TOKEN = LIBRARY.get_token(token_label=os.environ["SOFTKEEP_TOKEN_LABEL"])
PIN = os.environ["SOFTKEEP_PIN"]
PLAIN = {Attribute.SENSITIVE: False, Attribute.EXTRACTABLE: True}


def refused(error, call, *args, **kwargs):
    """That a call fails with this error and no other."""
    try:
        call(*args, **kwargs)
    except error:
        return
    raise AssertionError(f"{call} was not refused with {error}")


def public_of(key):
    """A public key of the token as the package cryptography has it."""
    return serialization.load_der_public_key(key)


def parts(data, size=777):
    return (data[start : start + size] for start in range(0, len(data), size))


def check_objects():
    with TOKEN.open(rw=True, user_pin=PIN) as session:
        public, private = session.generate_keypair(KeyType.RSA, 2048, store=True, label="kept", id=b"\x01\x02")
        session.generate_key(KeyType.AES, 128, store=True, label="kept-aes", id=b"\x03")
        session.create_object(
            {
                Attribute.CLASS: ObjectClass.DATA,
                Attribute.TOKEN: True,
                Attribute.LABEL: "note",
                Attribute.VALUE: b"remembered",
            }
        )
        assert (public[Attribute.MODULUS_BITS], private[Attribute.ID]) == (2048, b"\x01\x02")
        refused(pkcs11.AttributeSensitive, lambda: private[Attribute.PRIVATE_EXPONENT])
    with TOKEN.open(user_pin=PIN) as session:
        # A new session, read-only.
        found = session.get_key(object_class=ObjectClass.PRIVATE_KEY, label="kept")
        assert found.id == b"\x01\x02" and found.key_length == 2048
        assert [key.label for key in session.get_objects({Attribute.CLASS: ObjectClass.SECRET_KEY})] == ["kept-aes"]
        (note,) = session.get_objects({Attribute.CLASS: ObjectClass.DATA})
        assert note[Attribute.VALUE] == b"remembered"
        refused(pkcs11.NoSuchKey, session.get_key, label="nobody")
        refused(pkcs11.SessionReadOnly, session.generate_key, KeyType.AES, 128, store=True)
    with TOKEN.open(rw=True, user_pin=PIN) as session:
        key = session.get_key(key_type=KeyType.AES, id=b"\x03")
        key[Attribute.LABEL] = "renamed"
        copy = session.get_key(label="renamed").copy({Attribute.TOKEN: False, Attribute.LABEL: "copied"})
        assert copy.label == "copied" and not copy[Attribute.TOKEN]
        for label in ["renamed", "note"]:
            for found in list(session.get_objects({Attribute.LABEL: label})):
                found.destroy()
        assert not list(session.get_objects({Attribute.LABEL: "renamed"}))
    with TOKEN.open() as session:
        assert not list(session.get_objects({Attribute.CLASS: ObjectClass.PRIVATE_KEY})), "without a login"
        assert len(list(session.get_objects({Attribute.CLASS: ObjectClass.PUBLIC_KEY}))) == 1
    print("objects")


def check_rsa(session):
    public, private = session.generate_keypair(KeyType.RSA, 2048)
    outside = public_of(spki_of_rsa(public))
    signature = private.sign(parts(MESSAGE), mechanism=Mechanism.SHA384_RSA_PKCS)
    outside.verify(signature, MESSAGE, padding.PKCS1v15(), hashes.SHA384())
    assert public.verify(MESSAGE, signature, mechanism=Mechanism.SHA384_RSA_PKCS)
    assert not public.verify(b"else", signature, mechanism=Mechanism.SHA384_RSA_PKCS)
    parameters = (Mechanism.SHA256, MGF.SHA256, 32)
    signature = private.sign(MESSAGE, mechanism=Mechanism.SHA256_RSA_PKCS_PSS, mechanism_param=parameters)
    outside.verify(signature, MESSAGE, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
    assert private.decrypt(outside.encrypt(b"secret", padding.PKCS1v15()), mechanism=Mechanism.RSA_PKCS) == b"secret"
    oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
    parameters = (Mechanism.SHA256, MGF.SHA256, None)
    assert private.decrypt(outside.encrypt(b"secret", oaep), mechanism_param=parameters) == b"secret"
    assert private.decrypt(public.encrypt(b"secret")) == b"secret"
    # A private key from outside.
    brought = rsa.generate_private_key(65537, 2048)
    numbers = brought.private_numbers()

    def big(number):
        return number.to_bytes((number.bit_length() + 7) // 8, "big")

    inside = session.create_object(
        {
            Attribute.CLASS: ObjectClass.PRIVATE_KEY,
            Attribute.KEY_TYPE: KeyType.RSA,
            Attribute.MODULUS: big(numbers.public_numbers.n),
            Attribute.PUBLIC_EXPONENT: big(numbers.public_numbers.e),
            Attribute.PRIVATE_EXPONENT: big(numbers.d),
            Attribute.PRIME_1: big(numbers.p),
            Attribute.PRIME_2: big(numbers.q),
            Attribute.EXPONENT_1: big(numbers.dmp1),
            Attribute.EXPONENT_2: big(numbers.dmq1),
            Attribute.COEFFICIENT: big(numbers.iqmp),
            Attribute.SIGN: True,
        }
    )
    signature = inside.sign(MESSAGE, mechanism=Mechanism.SHA256_RSA_PKCS)
    brought.public_key().verify(signature, MESSAGE, padding.PKCS1v15(), hashes.SHA256())
    print("rsa")


def spki_of_rsa(key):
    numbers = encode_rsa_public_key(key)
    return (
        serialization.load_der_public_key(numbers)
        .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )


def curve(session, name, key_type=KeyType.EC):
    attributes = {Attribute.EC_PARAMS: encode_named_curve_parameters(name)}
    return session.create_domain_parameters(key_type, attributes, local=True)


def check_elliptic_curves(session):
    for name, other, bits in [
        ("secp256r1", ec.SECP256R1(), 256),
        ("secp384r1", ec.SECP384R1(), 384),
        ("secp521r1", ec.SECP521R1(), 521),
    ]:
        public, private = curve(session, name).generate_keypair()
        outside = public_of(encode_ec_public_key(public))
        digest = hashlib.sha256(MESSAGE).digest()
        signature = private.sign(digest, mechanism=Mechanism.ECDSA)
        outside.verify(encode_ecdsa_signature(signature), MESSAGE, ec.ECDSA(hashes.SHA256()))
        partner = ec.generate_private_key(other)
        signature = decode_ecdsa_signature(partner.sign(MESSAGE, ec.ECDSA(hashes.SHA512())))
        spki = partner.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        brought = session.create_object(decode_ec_public_key(spki))
        assert brought.verify(hashlib.sha512(MESSAGE).digest(), signature, mechanism=Mechanism.ECDSA)
        point = partner.public_key().public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )
        shared = partner.exchange(ec.ECDH(), outside)
        length = len(shared)
        derived = private.derive_key(
            KeyType.GENERIC_SECRET, length * 8, mechanism_param=(KDF.NULL, None, point), template=PLAIN
        )
        assert derived[Attribute.VALUE] == shared, name
        x963 = hashlib.sha256(shared + b"\0\0\0\1" + b"info").digest()
        derived = private.derive_key(
            KeyType.AES, 256, mechanism_param=(KDF.SHA256, b"info", point), template=PLAIN
        )
        assert derived[Attribute.VALUE] == x963, name
    public, private = curve(session, "1.3.101.112", KeyType.EC_EDWARDS).generate_keypair(
        mechanism=Mechanism.EC_EDWARDS_KEY_PAIR_GEN
    )
    signature = private.sign(MESSAGE, mechanism=Mechanism.EDDSA)
    point = public[Attribute.EC_POINT][-32:]
    ed25519.Ed25519PublicKey.from_public_bytes(point).verify(signature, MESSAGE)
    assert public.verify(MESSAGE, signature, mechanism=Mechanism.EDDSA)
    print("curves")


def check_aes(session):
    key = session.generate_key(KeyType.AES, 256, template=PLAIN)
    value = key[Attribute.VALUE]
    iv = session.generate_random(128)
    nonce = iv[:12]

    def outside(mode):
        encryptor = Cipher(algorithms.AES(value), mode).encryptor()
        return encryptor.update(MESSAGE[:13984]) + encryptor.finalize()

    message = MESSAGE[:13984]
    for mechanism, parameters, expected in [
        (Mechanism.AES_ECB, None, outside(modes.ECB())),
        (Mechanism.AES_CBC, iv, outside(modes.CBC(iv))),
        (Mechanism.AES_CTR, pkcs11.CTRParams(nonce), outside(modes.CTR(nonce + b"\0\0\0\1"))),
        (Mechanism.AES_GCM, pkcs11.GCMParams(nonce, b"aad", 128), AESGCM(value).encrypt(nonce, message, b"aad")),
    ]:
        options = {"mechanism": mechanism, "mechanism_param": parameters}
        sealed = key.encrypt(message, **options)
        assert sealed == expected, mechanism
        assert b"".join(key.encrypt(parts(message), **options)) == expected, mechanism
        assert key.decrypt(sealed, **options) == message, mechanism
        assert b"".join(key.decrypt(parts(sealed), **options)) == message, mechanism
    sealed = key.encrypt(MESSAGE, mechanism_param=iv)
    assert key.decrypt(sealed, mechanism_param=iv) == MESSAGE and len(sealed) == len(MESSAGE) // 16 * 16 + 16
    damaged = bytearray(AESGCM(value).encrypt(nonce, message, None))
    damaged[5] ^= 1
    refused(
        pkcs11.EncryptedDataInvalid,
        key.decrypt,
        bytes(damaged),
        mechanism=Mechanism.AES_GCM,
        mechanism_param=pkcs11.GCMParams(nonce),
    )
    # A sensitive key is wrapped only by one that nobody can know and that does nothing else.
    only_wraps = pkcs11.MechanismFlag.WRAP | pkcs11.MechanismFlag.UNWRAP
    wrapping = session.generate_key(KeyType.AES, 256, capabilities=only_wraps)
    known = session.generate_key(KeyType.AES, 128, template=PLAIN)
    wrapped_by_known = key.wrap_key(known, mechanism=Mechanism.AES_KEY_WRAP)
    assert keywrap.aes_key_unwrap(value, wrapped_by_known) == known[Attribute.VALUE]
    secret = session.generate_key(KeyType.AES, 256, template={Attribute.EXTRACTABLE: True})
    refused(pkcs11.KeyNotWrappable, key.wrap_key, secret, mechanism=Mechanism.AES_KEY_WRAP)
    wrapped = wrapping.wrap_key(secret, mechanism=Mechanism.AES_KEY_WRAP)
    again = wrapping.unwrap_key(ObjectClass.SECRET_KEY, KeyType.AES, wrapped, mechanism=Mechanism.AES_KEY_WRAP)
    assert again.decrypt(secret.encrypt(b"x", mechanism_param=iv), mechanism_param=iv) == b"x"
    brought = session.create_object(
        {
            Attribute.CLASS: ObjectClass.SECRET_KEY,
            Attribute.KEY_TYPE: KeyType.AES,
            Attribute.VALUE: bytes(range(32)),
            Attribute.ENCRYPT: True,
        }
    )
    refused(pkcs11.AttributeSensitive, lambda: brought[Attribute.VALUE])
    expected = Cipher(algorithms.AES(bytes(range(32))), modes.ECB()).encryptor().update(bytes(16))
    assert brought.encrypt(bytes(16), mechanism=Mechanism.AES_ECB) == expected
    print("aes")


def check_hmac(session):
    key = session.generate_key(
        KeyType.GENERIC_SECRET,
        256,
        mechanism=Mechanism.GENERIC_SECRET_KEY_GEN,
        capabilities=pkcs11.MechanismFlag.SIGN | pkcs11.MechanismFlag.VERIFY,
        template=PLAIN,
    )
    value = key[Attribute.VALUE]
    for mechanism, name in [
        (Mechanism.SHA_1_HMAC, "sha1"),
        (Mechanism.SHA256_HMAC, "sha256"),
        (Mechanism.SHA512_HMAC, "sha512"),
    ]:
        expected = hmac.new(value, MESSAGE, name).digest()
        assert key.sign(parts(MESSAGE), mechanism=mechanism) == expected, name
        assert key.verify(MESSAGE, expected, mechanism=mechanism)
        assert not key.verify(MESSAGE + b"!", expected, mechanism=mechanism)
    assert session.digest(parts(MESSAGE), mechanism=Mechanism.SHA256) == hashlib.sha256(MESSAGE).digest()
    print("hmac")


def check_lattices(session):
    wanted = {Attribute.PARAMETER_SET: pkcs11.MLDSAParameterSet.ML_DSA_65}
    public, private = session.generate_keypair(KeyType.ML_DSA, public_template=wanted)
    signature = private.sign(MESSAGE, mechanism=Mechanism.ML_DSA)
    mldsa.MLDSA65PublicKey.from_public_bytes(public[Attribute.VALUE]).verify(signature, MESSAGE)
    assert public.verify(MESSAGE, signature, mechanism=Mechanism.ML_DSA)
    wanted = {Attribute.PARAMETER_SET: pkcs11.MLKEMParameterSet.ML_KEM_768}
    public, private = session.generate_keypair(KeyType.ML_KEM, public_template=wanted)
    outside = mlkem.MLKEM768PublicKey.from_public_bytes(public[Attribute.VALUE])
    shared, sealed = outside.encapsulate()
    opened = private.decapsulate_key(sealed, KeyType.GENERIC_SECRET, 256, template=PLAIN)
    assert opened[Attribute.VALUE] == shared
    sealed, made = public.encapsulate_key(KeyType.GENERIC_SECRET, 256, template=PLAIN)
    opened = private.decapsulate_key(sealed, KeyType.GENERIC_SECRET, 256, template=PLAIN)
    assert opened[Attribute.VALUE] == made[Attribute.VALUE]
    print("lattices")


check_objects()
with TOKEN.open(rw=True, user_pin=PIN) as one:
    check_rsa(one)
    check_elliptic_curves(one)
    check_aes(one)
    check_hmac(one)
    check_lattices(one)
