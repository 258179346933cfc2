"""Loads a private key through OpenSSL's engine pkcs11, once and again for each line of input: absent or present."""

import ctypes
import sys

LOAD_CONFIG_AND_ENGINES = 0x40 | 0x400  # OPENSSL_INIT_LOAD_CONFIG, OPENSSL_INIT_ENGINE_DYNAMIC

crypto = ctypes.CDLL("libcrypto.so.3")
crypto.ENGINE_by_id.restype = ctypes.c_void_p
crypto.ENGINE_load_private_key.restype = ctypes.c_void_p
crypto.OPENSSL_init_crypto(ctypes.c_uint64(LOAD_CONFIG_AND_ENGINES), None)
engine = ctypes.c_void_p(crypto.ENGINE_by_id(b"pkcs11"))
assert engine, "run: apt-get install libengine-pkcs11-openssl"
assert crypto.ENGINE_init(engine) == 1


def look():
    key = crypto.ENGINE_load_private_key(engine, sys.argv[1].encode(), None, None)
    print("present" if key else "absent", flush=True)


look()
for _ in sys.stdin:
    look()
