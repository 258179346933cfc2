import java.nio.charset.StandardCharsets;
import java.security.KeyStore;
import java.security.KeyStoreException;
import java.security.PrivateKey;
import java.security.Provider;
import java.security.Security;
import java.security.Signature;

/**
 * Configures SunPKCS11 while there is no daemon, waits for its token, and signs. Arguments: configuration, PIN.
 */
public final class LateToken {
    public static void main(String[] args) throws Exception {
        Provider provider = Security.getProvider("SunPKCS11").configure(args[0]);
        Security.addProvider(provider);
        System.out.println("waiting");
        KeyStore store = null;
        for (int tries = 0; store == null; tries++) {
            try {
                store = KeyStore.getInstance("PKCS11", provider);
            } catch (KeyStoreException absent) {
                if (tries == 200) {
                    throw absent;
                }
                Thread.sleep(200);
            }
        }
        store.load(null, args[1].toCharArray());
        byte[] message = "message".getBytes(StandardCharsets.UTF_8);
        Signature signing = Signature.getInstance("SHA256withECDSA", provider);
        signing.initSign((PrivateKey) store.getKey("ec", null));
        signing.update(message);
        byte[] signature = signing.sign();
        // By the JDK's own code.
        Signature checking = Signature.getInstance("SHA256withECDSA", "SunEC");
        checking.initVerify(store.getCertificate("ec").getPublicKey());
        checking.update(message);
        System.out.println("signed " + checking.verify(signature));
        // The provider's thread that waited for the token would keep the program alive.
        System.exit(0);
    }
}
