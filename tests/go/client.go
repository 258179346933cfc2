// The Go packages crypto11 and miekg/pkcs11 as clients: keys made, found and used, a TLS server whose key is in the
// token; each checked by Go's own crypto. Usage: client, with the module, the token's label and its PIN in the environment.
// Prints what it has done.
package main

import (
	"bytes"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	"os"
	"time"

	"github.com/ThalesIgnite/crypto11"
	"github.com/miekg/pkcs11"
)

var message = []byte("what is signed, encrypted or authenticated, 64 bytes altogether.")

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func holds(what string, is bool) {
	if !is {
		panic(what)
	}
}

func main() {
	context, err := crypto11.Configure(&crypto11.Config{
		Path:        os.Getenv("SOFTKEEP_PKCS11_MODULE"),
		TokenLabel:  os.Getenv("SOFTKEEP_TOKEN_LABEL"),
		Pin:         os.Getenv("SOFTKEEP_PIN"),
		GCMIVLength: 12,
	})
	must(err)
	rsaKeys(context)
	ellipticCurves(context)
	secretKeys(context)
	tlsServer(context)
	must(context.Close())
	lowLevel()
}

func rsaKeys(context *crypto11.Context) {
	key, err := context.GenerateRSAKeyPairWithLabel([]byte{1}, []byte("rsa"), 2048)
	must(err)
	public := key.Public().(*rsa.PublicKey)
	digest := sha256.Sum256(message)
	signature, err := key.Sign(rand.Reader, digest[:], crypto.SHA256)
	must(err)
	must(rsa.VerifyPKCS1v15(public, crypto.SHA256, digest[:], signature))
	options := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}
	signature, err = key.Sign(rand.Reader, digest[:], options)
	must(err)
	must(rsa.VerifyPSS(public, crypto.SHA256, digest[:], signature, options))
	sealed, err := rsa.EncryptPKCS1v15(rand.Reader, public, message)
	must(err)
	opened, err := key.Decrypt(rand.Reader, sealed, nil)
	must(err)
	holds("PKCS#1 v1.5", bytes.Equal(opened, message))
	sealed, err = rsa.EncryptOAEP(sha512.New(), rand.Reader, public, message, nil)
	must(err)
	opened, err = key.Decrypt(rand.Reader, sealed, &rsa.OAEPOptions{Hash: crypto.SHA512})
	must(err)
	holds("OAEP", bytes.Equal(opened, message))
	found, err := context.FindKeyPair(nil, []byte("rsa"))
	must(err)
	holds("found", found.Public().(*rsa.PublicKey).Equal(public))
	must(found.Delete())
	found, err = context.FindKeyPair([]byte{1}, nil)
	must(err)
	holds("deleted", found == nil)
	fmt.Println("rsa")
}

func ellipticCurves(context *crypto11.Context) {
	for number, curve := range []elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()} {
		key, err := context.GenerateECDSAKeyPair([]byte{2, byte(number)}, curve)
		must(err)
		digest := sha512.Sum512(message)
		signature, err := key.Sign(rand.Reader, digest[:], crypto.SHA512)
		must(err)
		holds(curve.Params().Name, ecdsa.VerifyASN1(key.Public().(*ecdsa.PublicKey), digest[:], signature))
	}
	all, err := context.FindAllKeyPairs()
	must(err)
	holds("three pairs", len(all) == 3)
	fmt.Println("curves")
}

func secretKeys(context *crypto11.Context) {
	key, err := context.GenerateSecretKeyWithLabel([]byte{3}, []byte("aes"), 256, crypto11.CipherAES)
	must(err)
	gcm, err := key.NewGCM()
	must(err)
	nonce := make([]byte, gcm.NonceSize())
	sealed := gcm.Seal(nil, nonce, message, []byte("aad"))
	opened, err := gcm.Open(nil, nonce, sealed, []byte("aad"))
	must(err)
	holds("GCM", bytes.Equal(opened, message))
	sealed[1] ^= 1
	_, err = gcm.Open(nil, nonce, sealed, []byte("aad"))
	holds("GCM refuses", err != nil)
	// The token's single blocks make the same CBC as its own.
	cbc, err := key.NewCBCEncrypterCloser(make([]byte, 16))
	must(err)
	here := make([]byte, 64)
	cbc.CryptBlocks(here, message)
	cbc.Close()
	there := make([]byte, 64)
	cipher.NewCBCEncrypter(key, make([]byte, 16)).CryptBlocks(there, message)
	holds("CBC", bytes.Equal(here, there))
	found, err := context.FindKey(nil, []byte("aes"))
	must(err)
	back := make([]byte, 64)
	cipher.NewCBCDecrypter(found, make([]byte, 16)).CryptBlocks(back, there)
	holds("CBC back", bytes.Equal(back, message))
	must(found.Delete())
	secret, err := context.GenerateSecretKey([]byte{4}, 256, crypto11.CipherGeneric)
	must(err)
	first, err := secret.NewHMAC(pkcs11.CKM_SHA256_HMAC, 0)
	must(err)
	first.Write(message)
	second, err := secret.NewHMAC(pkcs11.CKM_SHA256_HMAC, 0)
	must(err)
	second.Write(message[:10])
	second.Write(message[10:])
	holds("HMAC", len(first.Sum(nil)) == 32 && hmac.Equal(first.Sum(nil), second.Sum(nil)))
	must(secret.Delete())
	random, err := context.NewRandomReader()
	must(err)
	_, err = io.ReadFull(random, make([]byte, 100))
	must(err)
	fmt.Println("secret keys")
}

// tlsServer serves as many connections as there are, in parallel, with a key of the token.
func tlsServer(context *crypto11.Context) {
	const connections = 8
	key, err := context.FindKeyPair([]byte{2, 0}, nil)
	must(err)
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "localhost"},
		DNSNames:              []string{"localhost"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(time.Hour),
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(err)
	certificate, err := x509.ParseCertificate(der)
	must(err)
	must(certificate.CheckSignatureFrom(certificate))
	must(context.ImportCertificate([]byte{2, 0}, certificate))
	stored, err := context.FindCertificate([]byte{2, 0}, nil, nil)
	must(err)
	holds("stored", stored.Equal(certificate))
	config := &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", config)
	must(err)
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				connection.Write(message)
				connection.Close()
			}()
		}
	}()
	roots := x509.NewCertPool()
	roots.AddCert(certificate)
	done := make(chan error, connections)
	for number := 0; number < connections; number++ {
		version := []uint16{tls.VersionTLS12, tls.VersionTLS13}[number%2]
		go func() {
			client := &tls.Config{RootCAs: roots, ServerName: "localhost", MinVersion: version, MaxVersion: version}
			connection, err := tls.Dial("tcp", listener.Addr().String(), client)
			if err == nil {
				var page []byte
				page, err = io.ReadAll(connection)
				if err == nil && !bytes.Equal(page, message) {
					err = fmt.Errorf("another page: %q", page)
				}
			}
			done <- err
		}()
	}
	for number := 0; number < connections; number++ {
		must(<-done)
	}
	must(listener.Close())
	fmt.Println("tls")
}

// lowLevel does with miekg/pkcs11 what crypto11 has no words for.
func lowLevel() {
	token := pkcs11.New(os.Getenv("SOFTKEEP_PKCS11_MODULE"))
	must(token.Initialize())
	slots, err := token.GetSlotList(true)
	must(err)
	var slot uint
	for _, one := range slots {
		info, err := token.GetTokenInfo(one)
		must(err)
		if info.Label == os.Getenv("SOFTKEEP_TOKEN_LABEL") {
			slot = one
		}
	}
	session, err := token.OpenSession(slot, pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION)
	must(err)
	must(token.Login(session, pkcs11.CKU_USER, os.Getenv("SOFTKEEP_PIN")))
	value := bytes.Repeat([]byte{7}, 32)
	known, err := token.CreateObject(session, []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_SECRET_KEY),
		pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_AES),
		pkcs11.NewAttribute(pkcs11.CKA_VALUE, value),
		pkcs11.NewAttribute(pkcs11.CKA_ENCRYPT, true),
		pkcs11.NewAttribute(pkcs11.CKA_UNWRAP, true),
	})
	must(err)
	block, err := aes.NewCipher(value)
	must(err)
	gcm, err := cipher.NewGCM(block)
	must(err)
	parameters := pkcs11.NewGCMParams(make([]byte, 12), []byte("aad"), 128)
	must(token.EncryptInit(session, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_AES_GCM, parameters)}, known))
	sealed, err := token.Encrypt(session, message)
	must(err)
	parameters.Free()
	holds("GCM", bytes.Equal(sealed, gcm.Seal(nil, make([]byte, 12), message, []byte("aad"))))
	ctr := make([]byte, 64)
	cipher.NewCTR(block, make([]byte, 16)).XORKeyStream(ctr, message)
	must(token.EncryptInit(session, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_AES_ECB, nil)}, known))
	stream, err := token.EncryptUpdate(session, make([]byte, 16))
	must(err)
	_, err = token.EncryptFinal(session)
	must(err)
	for index := range stream {
		stream[index] ^= message[index]
	}
	holds("ECB", bytes.Equal(stream, ctr[:16]))
	handles := func() int {
		must(token.FindObjectsInit(session, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_TOKEN, false)}))
		found, _, err := token.FindObjects(session, 10)
		must(err)
		must(token.FindObjectsFinal(session))
		return len(found)
	}
	holds("session object", handles() == 1)
	must(token.DestroyObject(session, known))
	holds("destroyed", handles() == 0)
	must(token.Logout(session))
	must(token.CloseSession(session))
	must(token.Finalize())
	token.Destroy()
	fmt.Println("low level")
}
