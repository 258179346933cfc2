// Encrypts and authenticates a long stream of bytes in the token, and says how large the process became meanwhile.
// Usage: java -Xmx64m FlatMemory.java CONFIG PIN MEBIBYTES
// The JDK's own cipher runs alongside: equal digests of both streams say that they are the same.
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.MessageDigest;
import java.security.Provider;
import java.security.Security;
import java.util.Arrays;
import javax.crypto.Cipher;
import javax.crypto.Mac;
import javax.crypto.spec.IvParameterSpec;
import javax.crypto.spec.SecretKeySpec;

public class FlatMemory {
    static final int MEBIBYTE = 1 << 20;

    public static void main(String[] args) throws Exception {
        Provider token = Security.getProvider("SunPKCS11").configure(args[0]);
        Security.addProvider(token);
        KeyStore.getInstance("PKCS11", token).load(null, args[1].toCharArray());
        int mebibytes = Integer.parseInt(args[2]);
        // As much again before as matters: what the JVM compiles and caches is there when the measuring begins.
        encrypt(token, 8);
        authenticate(token, 8);
        long before = residentKibibytes();
        System.out.println("AES/CBC/PKCS5Padding " + encrypt(token, mebibytes));
        System.out.println("HmacSHA256 " + authenticate(token, mebibytes));
        System.out.println("grown " + (residentKibibytes() - before));
    }

    static boolean encrypt(Provider token, int mebibytes) throws Exception {
        SecretKeySpec key = new SecretKeySpec(new byte[32], "AES");
        Cipher[] ciphers = {Cipher.getInstance("AES/CBC/PKCS5Padding", token),
            Cipher.getInstance("AES/CBC/PKCS5Padding", "SunJCE")};
        MessageDigest[] digests = new MessageDigest[] {null, null};
        byte[] block = new byte[MEBIBYTE];
        byte[] output = new byte[MEBIBYTE + 32];
        for (int which = 0; which < 2; which++) {
            digests[which] = MessageDigest.getInstance("SHA-256", "SUN");
            ciphers[which].init(Cipher.ENCRYPT_MODE, key, new IvParameterSpec(new byte[16]));
            for (int count = 0; count < mebibytes; count++) {
                block[0] = (byte) count;
                digests[which].update(output, 0, ciphers[which].update(block, 0, block.length, output));
            }
            digests[which].update(ciphers[which].doFinal());
        }
        return Arrays.equals(digests[0].digest(), digests[1].digest());
    }

    static boolean authenticate(Provider token, int mebibytes) throws Exception {
        SecretKeySpec key = new SecretKeySpec(new byte[32], "HmacSHA256");
        Mac[] macs = {Mac.getInstance("HmacSHA256", token), Mac.getInstance("HmacSHA256", "SunJCE")};
        byte[] block = new byte[MEBIBYTE];
        for (Mac mac : macs) {
            mac.init(key);
            for (int count = 0; count < mebibytes; count++) {
                block[0] = (byte) count;
                mac.update(block);
            }
        }
        return Arrays.equals(macs[0].doFinal(), macs[1].doFinal());
    }

    static long residentKibibytes() throws Exception {
        System.gc();
        for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
            if (line.startsWith("VmRSS:")) {
                return Long.parseLong(line.replaceAll("[^0-9]", ""));
            }
        }
        throw new IllegalStateException("no VmRSS");
    }
}
