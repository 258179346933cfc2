// pkcs11js as a client: objects, signatures, ciphers, wrapping, derivation, each checked by Node's own crypto.
// Usage: node client.js, with the module, the token's label and its PIN in the environment. Prints what it has done.
"use strict";

const assert = require("node:assert");
const crypto = require("node:crypto");
const pkcs11js = require("pkcs11js");

const MESSAGE = Buffer.from("what is signed, encrypted or authenticated, 64 bytes altogether.");
const token = new pkcs11js.PKCS11();
token.load(process.env.SOFTKEEP_PKCS11_MODULE);
token.C_Initialize();

const slots = token.C_GetSlotList(true);
const slot = slots.find((one) => token.C_GetTokenInfo(one).label.trim() === process.env.SOFTKEEP_TOKEN_LABEL);
assert(token.C_GetMechanismList(slot).includes(pkcs11js.CKM_AES_GCM));
assert(token.C_GetMechanismInfo(slot, pkcs11js.CKM_RSA_PKCS).maxKeySize >= 4096);
const session = token.C_OpenSession(slot, pkcs11js.CKF_RW_SESSION | pkcs11js.CKF_SERIAL_SESSION);
assert.throws(() => token.C_Login(session, pkcs11js.CKU_USER, "0000"), { code: pkcs11js.CKR_PIN_INCORRECT });
token.C_Login(session, pkcs11js.CKU_USER, process.env.SOFTKEEP_PIN);
console.log("session");

const attribute = (type, value) => ({ type, value });
const get = (key, type) => token.C_GetAttributeValue(session, key, [{ type }])[0].value;
const plain = [attribute(pkcs11js.CKA_SENSITIVE, false), attribute(pkcs11js.CKA_EXTRACTABLE, true)];

function sign(key, mechanism, data) {
  token.C_SignInit(session, mechanism, key);
  return token.C_Sign(session, data, Buffer.alloc(600));
}

function signParts(key, mechanism, data) {
  token.C_SignInit(session, mechanism, key);
  for (let start = 0; start < data.length; start += 7) {
    token.C_SignUpdate(session, data.subarray(start, start + 7));
  }
  return token.C_SignFinal(session, Buffer.alloc(600));
}

function encrypt(key, mechanism, data) {
  token.C_EncryptInit(session, mechanism, key);
  return token.C_Encrypt(session, data, Buffer.alloc(data.length + 1024));
}

function decrypt(key, mechanism, data) {
  token.C_DecryptInit(session, mechanism, key);
  return token.C_Decrypt(session, data, Buffer.alloc(data.length + 1024));
}

function rsa() {
  const name = [
    attribute(pkcs11js.CKA_TOKEN, true),
    attribute(pkcs11js.CKA_LABEL, "from Node"),
    attribute(pkcs11js.CKA_ID, Buffer.from([1])),
  ];
  const exponent = attribute(pkcs11js.CKA_PUBLIC_EXPONENT, Buffer.from([1, 0, 1]));
  const pair = token.C_GenerateKeyPair(
    session,
    { mechanism: pkcs11js.CKM_RSA_PKCS_KEY_PAIR_GEN },
    [...name, attribute(pkcs11js.CKA_MODULUS_BITS, 2048), exponent],
    [...name, attribute(pkcs11js.CKA_SIGN, true), attribute(pkcs11js.CKA_DECRYPT, true)],
  );
  const jwk = { kty: "RSA", e: "AQAB", n: get(pair.publicKey, pkcs11js.CKA_MODULUS).toString("base64url") };
  const outside = crypto.createPublicKey({ key: jwk, format: "jwk" });
  let signature = sign(pair.privateKey, { mechanism: pkcs11js.CKM_SHA256_RSA_PKCS }, MESSAGE);
  assert(crypto.verify("sha256", MESSAGE, outside, signature));
  signature = signParts(pair.privateKey, { mechanism: pkcs11js.CKM_SHA512_RSA_PKCS }, MESSAGE);
  assert(crypto.verify("sha512", MESSAGE, outside, signature));
  const parameter = {
    type: pkcs11js.CK_PARAMS_RSA_PSS,
    hashAlg: pkcs11js.CKM_SHA256,
    mgf: pkcs11js.CKG_MGF1_SHA256,
    saltLen: 32,
  };
  signature = sign(pair.privateKey, { mechanism: pkcs11js.CKM_SHA256_RSA_PKCS_PSS, parameter }, MESSAGE);
  const padding = crypto.constants.RSA_PKCS1_PSS_PADDING;
  assert(crypto.verify("sha256", MESSAGE, { key: outside, padding, saltLength: 32 }, signature));
  token.C_VerifyInit(session, { mechanism: pkcs11js.CKM_SHA256_RSA_PKCS_PSS, parameter }, pair.publicKey);
  assert(token.C_Verify(session, MESSAGE, signature));
  const oaep = {
    mechanism: pkcs11js.CKM_RSA_PKCS_OAEP,
    parameter: {
      type: pkcs11js.CK_PARAMS_RSA_OAEP,
      hashAlg: pkcs11js.CKM_SHA256,
      mgf: pkcs11js.CKG_MGF1_SHA256,
      source: 1,
      sourceData: null,
    },
  };
  const sealed = crypto.publicEncrypt({ key: outside, oaepHash: "sha256" }, MESSAGE);
  assert.deepStrictEqual(decrypt(pair.privateKey, oaep, sealed), MESSAGE);
  assert.throws(() => get(pair.privateKey, pkcs11js.CKA_PRIVATE_EXPONENT), { code: pkcs11js.CKR_ATTRIBUTE_SENSITIVE });
  console.log("rsa");
}

function objects() {
  // A certificate may have been published for the key; it has no key type.
  token.C_FindObjectsInit(session, [
    attribute(pkcs11js.CKA_LABEL, "from Node"),
    attribute(pkcs11js.CKA_KEY_TYPE, pkcs11js.CKK_RSA),
  ]);
  const found = token.C_FindObjects(session, 10);
  token.C_FindObjectsFinal(session);
  assert.strictEqual(found.length, 2);
  for (const object of found) {
    token.C_SetAttributeValue(session, object, [attribute(pkcs11js.CKA_LABEL, "renamed")]);
    assert.strictEqual(get(object, pkcs11js.CKA_LABEL).toString(), "renamed");
    token.C_DestroyObject(session, object);
  }
  const data = token.C_CreateObject(session, [
    attribute(pkcs11js.CKA_CLASS, pkcs11js.CKO_DATA),
    attribute(pkcs11js.CKA_TOKEN, true),
    attribute(pkcs11js.CKA_LABEL, "note"),
    attribute(pkcs11js.CKA_VALUE, MESSAGE),
  ]);
  assert.deepStrictEqual(get(data, pkcs11js.CKA_VALUE), MESSAGE);
  token.C_DestroyObject(session, data);
  console.log("objects");
}

function ellipticCurve() {
  const p256 = Buffer.from("06082a8648ce3d030107", "hex");
  const pair = token.C_GenerateKeyPair(
    session,
    { mechanism: pkcs11js.CKM_EC_KEY_PAIR_GEN },
    [attribute(pkcs11js.CKA_EC_PARAMS, p256)],
    [attribute(pkcs11js.CKA_SIGN, true), attribute(pkcs11js.CKA_DERIVE, true)],
  );
  const point = get(pair.publicKey, pkcs11js.CKA_EC_POINT).subarray(2);
  const half = (start) => point.subarray(start, start + 32).toString("base64url");
  const outside = crypto.createPublicKey({ key: { kty: "EC", crv: "P-256", x: half(1), y: half(33) }, format: "jwk" });
  const signature = sign(pair.privateKey, { mechanism: pkcs11js.CKM_ECDSA_SHA256 }, MESSAGE);
  assert(crypto.verify("sha256", MESSAGE, { key: outside, dsaEncoding: "ieee-p1363" }, signature));
  const partner = crypto.createECDH("prime256v1");
  partner.generateKeys();
  const parameter = {
    type: pkcs11js.CK_PARAMS_EC_DH,
    kdf: pkcs11js.CKD_NULL,
    sharedData: null,
    publicData: partner.getPublicKey(),
  };
  const derived = token.C_DeriveKey(session, { mechanism: pkcs11js.CKM_ECDH1_DERIVE, parameter }, pair.privateKey, [
    attribute(pkcs11js.CKA_CLASS, pkcs11js.CKO_SECRET_KEY),
    attribute(pkcs11js.CKA_KEY_TYPE, pkcs11js.CKK_AES),
    attribute(pkcs11js.CKA_VALUE_LEN, 32),
    ...plain,
  ]);
  assert.deepStrictEqual(get(derived, pkcs11js.CKA_VALUE), partner.computeSecret(point));
  console.log("elliptic curve");
}

function secretKeys() {
  const uses = [pkcs11js.CKA_ENCRYPT, pkcs11js.CKA_DECRYPT, pkcs11js.CKA_WRAP, pkcs11js.CKA_UNWRAP];
  const key = token.C_GenerateKey(session, { mechanism: pkcs11js.CKM_AES_KEY_GEN }, [
    attribute(pkcs11js.CKA_VALUE_LEN, 32),
    ...uses.map((use) => attribute(use, true)),
    ...plain,
  ]);
  const value = get(key, pkcs11js.CKA_VALUE);
  const iv = token.C_GenerateRandom(session, Buffer.alloc(16));
  const nonce = iv.subarray(0, 12);
  const cbc = crypto.createCipheriv("aes-256-cbc", value, iv);
  let expected = Buffer.concat([cbc.update(MESSAGE), cbc.final()]);
  const padded = { mechanism: pkcs11js.CKM_AES_CBC_PAD, parameter: iv };
  assert.deepStrictEqual(encrypt(key, padded, MESSAGE), expected);
  assert.deepStrictEqual(decrypt(key, padded, expected), MESSAGE);
  const gcm = crypto.createCipheriv("aes-256-gcm", value, nonce);
  gcm.setAAD(iv);
  expected = Buffer.concat([gcm.update(MESSAGE), gcm.final(), gcm.getAuthTag()]);
  const parameter = { type: pkcs11js.CK_PARAMS_AES_GCM, iv: nonce, ivBits: 96, aad: iv, tagBits: 128 };
  const authenticated = { mechanism: pkcs11js.CKM_AES_GCM, parameter };
  assert.deepStrictEqual(encrypt(key, authenticated, MESSAGE), expected);
  assert.deepStrictEqual(decrypt(key, authenticated, expected), MESSAGE);
  expected[3] ^= 1;
  assert.throws(() => decrypt(key, authenticated, expected), { code: pkcs11js.CKR_ENCRYPTED_DATA_INVALID });

  const secret = token.C_CreateObject(session, [
    attribute(pkcs11js.CKA_CLASS, pkcs11js.CKO_SECRET_KEY),
    attribute(pkcs11js.CKA_KEY_TYPE, pkcs11js.CKK_GENERIC_SECRET),
    attribute(pkcs11js.CKA_VALUE, MESSAGE.subarray(0, 32)),
    attribute(pkcs11js.CKA_SIGN, true),
    ...plain,
  ]);
  const mac = crypto.createHmac("sha256", MESSAGE.subarray(0, 32)).update(MESSAGE).digest();
  assert.deepStrictEqual(signParts(secret, { mechanism: pkcs11js.CKM_SHA256_HMAC }, MESSAGE), mac);
  const wrapping = { mechanism: pkcs11js.CKM_AES_KEY_WRAP };
  const wrapped = token.C_WrapKey(session, wrapping, key, secret, Buffer.alloc(64));
  const unwrapper = crypto.createDecipheriv("aes256-wrap", value, Buffer.alloc(8, 0xa6));
  assert.deepStrictEqual(Buffer.concat([unwrapper.update(wrapped), unwrapper.final()]), MESSAGE.subarray(0, 32));
  const again = token.C_UnwrapKey(session, wrapping, key, wrapped, [
    attribute(pkcs11js.CKA_CLASS, pkcs11js.CKO_SECRET_KEY),
    attribute(pkcs11js.CKA_KEY_TYPE, pkcs11js.CKK_GENERIC_SECRET),
    attribute(pkcs11js.CKA_SIGN, true),
  ]);
  assert.deepStrictEqual(sign(again, { mechanism: pkcs11js.CKM_SHA256_HMAC }, MESSAGE), mac);
  token.C_DigestInit(session, { mechanism: pkcs11js.CKM_SHA256 });
  const digest = token.C_Digest(session, MESSAGE, Buffer.alloc(64));
  assert.deepStrictEqual(digest, crypto.createHash("sha256").update(MESSAGE).digest());
  console.log("secret keys");
}

rsa();
objects();
ellipticCurve();
secretKeys();
token.C_Logout(session);
token.C_CloseSession(session);
token.C_Finalize();
console.log("logged out");
