// Opens the token as a KeyStore, signs a file with each key, checks each signature with the JDK's own code and the
// published certificate, and writes it for OpenSSL to check again.
// Usage: java SignWithToken.java CONFIG PIN FILE
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.Key;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.Provider;
import java.security.Security;
import java.security.Signature;
import java.security.spec.MGF1ParameterSpec;
import java.security.spec.PSSParameterSpec;

public class SignWithToken {
    public static void main(String[] args) throws Exception {
        Provider token = Security.getProvider("SunPKCS11").configure(args[0]);
        Security.addProvider(token);
        KeyStore store = KeyStore.getInstance("PKCS11", token);
        store.load(null, args[1].toCharArray());
        byte[] message = Files.readAllBytes(Path.of(args[2]));
        sign(store, token, "rsa", "SHA256withRSA", message);
        sign(store, token, "rsa", "SHA512withRSA", message);
        sign(store, token, "rsa", "RSASSA-PSS", message);
        sign(store, token, "ec", "SHA256withECDSA", message);
        sign(store, token, "ec", "SHA384withECDSA", message);
    }

    static void sign(KeyStore store, Provider token, String alias, String algorithm, byte[] message) throws Exception {
        Key key = store.getKey(alias, null);
        if (key == null || key.getEncoded() != null) {
            throw new IllegalStateException(alias + ": not a key of the token: " + key);
        }
        byte[] signature = run(Signature.getInstance(algorithm, token), algorithm, (PrivateKey) key, message);
        Files.write(Path.of(algorithm + ".signature"), signature);
        Signature check = Signature.getInstance(algorithm, algorithm.endsWith("ECDSA") ? "SunEC" : "SunRsaSign");
        parameters(check, algorithm);
        check.initVerify(store.getCertificate(alias));
        check.update(message);
        System.out.println(algorithm + " " + check.verify(signature));
    }

    static byte[] run(Signature signer, String algorithm, PrivateKey key, byte[] message) throws Exception {
        parameters(signer, algorithm);
        signer.initSign(key);
        signer.update(message, 0, 1); // in two parts, as a stream would come
        signer.update(message, 1, message.length - 1);
        return signer.sign();
    }

    static void parameters(Signature signature, String algorithm) throws Exception {
        if (algorithm.equals("RSASSA-PSS")) {
            signature.setParameter(new PSSParameterSpec("SHA-256", "MGF1", MGF1ParameterSpec.SHA256, 32, 1));
        }
    }
}
