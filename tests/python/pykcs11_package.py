"""The package PyKCS11 as a client: slots, objects, every kind of use, each checked by the package cryptography.

Usage: pykcs11_package.py, with the module, the token's label and its PIN in the environment. Prints what it has done.
"""

import hashlib
import hmac
import os

import PyKCS11
from cryptography.hazmat.primitives import hashes, keywrap
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from PyKCS11 import (
    AES_CTR_Mechanism,
    AES_GCM_Mechanism,
    ECDH1_DERIVE_Mechanism,
    Mechanism,
    PyKCS11Error,
    RSA_PSS_Mechanism,
    RSAOAEPMechanism,
)

CK = PyKCS11
MESSAGE = b"what is signed, encrypted or authenticated, 64 bytes altogether."
LIBRARY = PyKCS11.PyKCS11Lib()
LIBRARY.load(os.environ["SOFTKEEP_PKCS11_MODULE"])


def value(session, key, attribute):
    (found,) = session.getAttributeValue(key, [attribute])
    return found if isinstance(found, (bool, int, str)) or found is None else bytes(found)


def check_slots():
    info = LIBRARY.getInfo()
    assert info.manufacturerID.strip() == "Softkeep", info
    label = os.environ["SOFTKEEP_TOKEN_LABEL"]
    (slot,) = [slot for slot in LIBRARY.getSlotList(True) if LIBRARY.getTokenInfo(slot).label.strip() == label]
    for mechanism in LIBRARY.getMechanismList(slot):
        LIBRARY.getMechanismInfo(slot, mechanism)
    assert "CKM_AES_GCM" in LIBRARY.getMechanismList(slot)
    session = LIBRARY.openSession(slot, CK.CKF_SERIAL_SESSION | CK.CKF_RW_SESSION)
    try:
        session.login("0000")
        raise AssertionError("a wrong PIN was taken")
    except PyKCS11Error as refusal:
        assert refusal.value == CK.CKR_PIN_INCORRECT, refusal
    session.login(os.environ["SOFTKEEP_PIN"])
    assert session.getSessionInfo().state == CK.CKS_RW_USER_FUNCTIONS
    print("slots")
    return session


def check_rsa(session):
    public_template = [
        (CK.CKA_TOKEN, CK.CK_TRUE),
        (CK.CKA_MODULUS_BITS, 2048),
        (CK.CKA_PUBLIC_EXPONENT, (1, 0, 1)),
        (CK.CKA_LABEL, "pair"),
        (CK.CKA_ID, (1, 2)),
        (CK.CKA_VERIFY, CK.CK_TRUE),
        (CK.CKA_ENCRYPT, CK.CK_TRUE),
    ]
    private_template = [
        (CK.CKA_TOKEN, CK.CK_TRUE),
        (CK.CKA_PRIVATE, CK.CK_TRUE),
        (CK.CKA_LABEL, "pair"),
        (CK.CKA_ID, (1, 2)),
        (CK.CKA_SIGN, CK.CK_TRUE),
        (CK.CKA_DECRYPT, CK.CK_TRUE),
    ]
    public, private = session.generateKeyPair(public_template, private_template)
    modulus = int.from_bytes(value(session, public, CK.CKA_MODULUS), "big")
    outside = rsa.RSAPublicNumbers(65537, modulus).public_key()
    signature = bytes(session.sign(private, MESSAGE, Mechanism(CK.CKM_SHA256_RSA_PKCS)))
    outside.verify(signature, MESSAGE, padding.PKCS1v15(), hashes.SHA256())
    assert session.verify(public, MESSAGE, signature, Mechanism(CK.CKM_SHA256_RSA_PKCS))
    pss = RSA_PSS_Mechanism(CK.CKM_SHA512_RSA_PKCS_PSS, CK.CKM_SHA512, CK.CKG_MGF1_SHA512, 64)
    signature = bytes(session.sign(private, MESSAGE, pss))
    outside.verify(signature, MESSAGE, padding.PSS(padding.MGF1(hashes.SHA512()), 64), hashes.SHA512())
    sealed = outside.encrypt(b"secret", padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None))
    oaep = RSAOAEPMechanism(CK.CKM_SHA_1, CK.CKG_MGF1_SHA1)
    assert bytes(session.decrypt(private, sealed, oaep)) == b"secret"
    sealed = outside.encrypt(b"secret", padding.PKCS1v15())
    assert bytes(session.decrypt(private, sealed, Mechanism(CK.CKM_RSA_PKCS))) == b"secret"
    assert bytes(session.decrypt(private, session.encrypt(public, b"secret", oaep), oaep)) == b"secret"
    found = session.findObjects([(CK.CKA_LABEL, "pair"), (CK.CKA_CLASS, CK.CKO_PRIVATE_KEY)])
    assert len(found) == 1 and value(session, found[0], CK.CKA_ID) == b"\x01\x02"
    assert value(session, found[0], CK.CKA_PRIVATE_EXPONENT) is None, "the private exponent came out"
    session.setAttributeValue(found[0], [(CK.CKA_LABEL, "renamed")])
    assert session.findObjects([(CK.CKA_LABEL, "renamed"), (CK.CKA_CLASS, CK.CKO_PRIVATE_KEY)])
    session.destroyObject(private)
    assert not session.findObjects([(CK.CKA_LABEL, "renamed"), (CK.CKA_CLASS, CK.CKO_PRIVATE_KEY)])
    print("rsa")


def check_elliptic_curve(session):
    p256 = bytes.fromhex("06082a8648ce3d030107")
    public, private = session.generateKeyPair(
        [(CK.CKA_EC_PARAMS, p256), (CK.CKA_VERIFY, CK.CK_TRUE)],
        [(CK.CKA_SIGN, CK.CK_TRUE), (CK.CKA_DERIVE, CK.CK_TRUE)],
        mecha=Mechanism(CK.CKM_EC_KEY_PAIR_GEN),
    )
    point = value(session, public, CK.CKA_EC_POINT)[2:]
    outside = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    signature = bytes(session.sign(private, MESSAGE, Mechanism(CK.CKM_ECDSA_SHA256)))
    r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
    outside.verify(encode_dss_signature(r, s), MESSAGE, ec.ECDSA(hashes.SHA256()))
    partner = ec.generate_private_key(ec.SECP256R1())
    numbers = partner.public_key().public_numbers()
    half = b"\x04" + numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")
    template = [
        (CK.CKA_CLASS, CK.CKO_SECRET_KEY),
        (CK.CKA_KEY_TYPE, CK.CKK_AES),
        (CK.CKA_VALUE_LEN, 32),
        (CK.CKA_SENSITIVE, CK.CK_FALSE),
        (CK.CKA_EXTRACTABLE, CK.CK_TRUE),
    ]
    derived = session.deriveKey(private, template, ECDH1_DERIVE_Mechanism(half))
    assert value(session, derived, CK.CKA_VALUE) == partner.exchange(ec.ECDH(), outside)
    print("elliptic curve")


def check_secret_keys(session):
    key = session.generateKey(
        [
            (CK.CKA_CLASS, CK.CKO_SECRET_KEY),
            (CK.CKA_KEY_TYPE, CK.CKK_AES),
            (CK.CKA_VALUE_LEN, 32),
            (CK.CKA_ENCRYPT, CK.CK_TRUE),
            (CK.CKA_DECRYPT, CK.CK_TRUE),
            (CK.CKA_WRAP, CK.CK_TRUE),
            (CK.CKA_UNWRAP, CK.CK_TRUE),
            (CK.CKA_SENSITIVE, CK.CK_FALSE),
            (CK.CKA_EXTRACTABLE, CK.CK_TRUE),
        ]
    )
    known = value(session, key, CK.CKA_VALUE)
    iv = bytes(session.generateRandom(16))
    encryptor = Cipher(algorithms.AES(known), modes.CBC(iv)).encryptor()
    counting = Cipher(algorithms.AES(known), modes.CTR(iv)).encryptor()
    for mechanism, expected in [
        (Mechanism(CK.CKM_AES_CBC, iv), encryptor.update(MESSAGE)),
        (AES_CTR_Mechanism(128, iv), counting.update(MESSAGE)),
        (AES_GCM_Mechanism(iv[:12], b"aad", 128), AESGCM(known).encrypt(iv[:12], MESSAGE, b"aad")),
    ]:
        assert bytes(session.encrypt(key, MESSAGE, mechanism)) == expected
        assert bytes(session.decrypt(key, expected, mechanism)) == MESSAGE
    secret = session.createObject(
        [
            (CK.CKA_CLASS, CK.CKO_SECRET_KEY),
            (CK.CKA_KEY_TYPE, CK.CKK_GENERIC_SECRET),
            (CK.CKA_VALUE, bytes(range(32))),
            (CK.CKA_SIGN, CK.CK_TRUE),
            (CK.CKA_SENSITIVE, CK.CK_FALSE),
            (CK.CKA_EXTRACTABLE, CK.CK_TRUE),
        ]
    )
    expected = hmac.new(bytes(range(32)), MESSAGE, "sha512").digest()
    assert bytes(session.sign(secret, MESSAGE, Mechanism(CK.CKM_SHA512_HMAC))) == expected
    wrapped = bytes(session.wrapKey(key, secret, Mechanism(CK.CKM_AES_KEY_WRAP)))
    assert keywrap.aes_key_unwrap(known, wrapped) == bytes(range(32))
    template = [
        (CK.CKA_CLASS, CK.CKO_SECRET_KEY),
        (CK.CKA_KEY_TYPE, CK.CKK_GENERIC_SECRET),
        (CK.CKA_SIGN, CK.CK_TRUE),
    ]
    again = session.unwrapKey(key, wrapped, template, Mechanism(CK.CKM_AES_KEY_WRAP))
    assert bytes(session.sign(again, MESSAGE, Mechanism(CK.CKM_SHA512_HMAC))) == expected
    assert bytes(session.digest(MESSAGE, Mechanism(CK.CKM_SHA256))) == hashlib.sha256(MESSAGE).digest()
    print("secret keys")


one = check_slots()
check_rsa(one)
check_elliptic_curve(one)
check_secret_keys(one)
one.logout()
one.closeSession()
print("logged out")
