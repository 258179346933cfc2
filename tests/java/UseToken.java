// Everything that SunPKCS11 offers on a token, checked against the JDK's own providers, in both directions.
// Usage: java UseToken.java CONFIG PIN CERTIFIED
// Each check prints one line "NAME true". CERTIFIED is the alias of an RSA key pair in the token.
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.security.Key;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.KeyStore;
import java.security.MessageDigest;
import java.security.PrivateKey;
import java.security.Provider;
import java.security.PublicKey;
import java.security.SecureRandom;
import java.security.Security;
import java.security.Signature;
import java.security.spec.AlgorithmParameterSpec;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.MGF1ParameterSpec;
import java.security.spec.PSSParameterSpec;
import java.security.spec.RSAKeyGenParameterSpec;
import java.security.spec.X509EncodedKeySpec;
import java.util.Arrays;
import java.util.Random;
import java.util.TreeSet;
import java.util.stream.Collectors;
import javax.crypto.Cipher;
import javax.crypto.KeyAgreement;
import javax.crypto.KeyGenerator;
import javax.crypto.Mac;
import javax.crypto.SecretKey;
import javax.crypto.SecretKeyFactory;
import javax.crypto.interfaces.DHPublicKey;
import javax.crypto.spec.DHParameterSpec;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.IvParameterSpec;
import javax.crypto.spec.SecretKeySpec;

public class UseToken {
    static final byte[] MESSAGE = "what is signed, or put into a Mac".getBytes(StandardCharsets.UTF_8);
    static final byte[] OTHER = "what is not signed".getBytes(StandardCharsets.UTF_8);
    static Provider token;

    public static void main(String[] args) throws Exception {
        token = Security.getProvider("SunPKCS11").configure(args[0]);
        // Last of all: whoever asks for no provider gets the JDK's.
        Security.addProvider(token);
        KeyStore store = KeyStore.getInstance("PKCS11", token);
        store.load(null, args[1].toCharArray());
        signatures();
        ciphers();
        rsaCiphers(store, args[2]);
        secretKeys();
        agreements();
        digestsAndRandom();
        entries(store, args[1].toCharArray(), args[2]);
    }

    static void says(String name, boolean holds) {
        System.out.println(name + " " + holds);
    }

    static TreeSet<String> offered(String type) {
        return token.getServices().stream().filter(service -> service.getType().equals(type))
            .map(Provider.Service::getAlgorithm).collect(Collectors.toCollection(TreeSet::new));
    }

    // Signatures.

    static KeyPair pair(String algorithm, AlgorithmParameterSpec specification) throws Exception {
        KeyPairGenerator generator = KeyPairGenerator.getInstance(algorithm, token);
        generator.initialize(specification);
        return generator.generateKeyPair();
    }

    static AlgorithmParameterSpec modulus(int bits) {
        return new RSAKeyGenParameterSpec(bits, RSAKeyGenParameterSpec.F4);
    }

    /** The JDK's own object for a public key of the token. */
    static PublicKey outside(PublicKey key) throws Exception {
        String provider = key.getAlgorithm().equals("RSA") ? "SunRsaSign" : "SunEC";
        return KeyFactory.getInstance(key.getAlgorithm(), provider)
            .generatePublic(new X509EncodedKeySpec(key.getEncoded()));
    }

    static void signatures() throws Exception {
        KeyPair rsa = pair("RSA", modulus(2048));
        KeyPair jdkRsa = foreign("RSA", "SunRsaSign", modulus(2048));
        for (String algorithm : offered("Signature")) {
            // JDK 17 offers PSS with SHA-3 and cannot hand its parameters to any module.
            if (algorithm.contains("RSA") && !algorithm.matches("SHA3.*PSS")) {
                signs(algorithm, rsa, jdkRsa, "SunRsaSign", "");
            }
        }
        for (String curve : new String[] {"secp256r1", "secp384r1", "secp521r1"}) {
            KeyPair ec = pair("EC", new ECGenParameterSpec(curve));
            KeyPair jdkEc = foreign("EC", "SunEC", new ECGenParameterSpec(curve));
            for (String algorithm : offered("Signature")) {
                if (algorithm.contains("ECDSA")) {
                    signs(algorithm, ec, jdkEc, "SunEC", " " + curve);
                }
            }
        }
    }

    static Signature signature(String algorithm, Object provider) throws Exception {
        Signature signature = provider instanceof Provider
            ? Signature.getInstance(algorithm, (Provider) provider)
            : Signature.getInstance(algorithm, (String) provider);
        if (algorithm.equals("RSASSA-PSS")) {
            signature.setParameter(new PSSParameterSpec("SHA-384", "MGF1", MGF1ParameterSpec.SHA384, 40, 1));
        }
        return signature;
    }

    static void signs(String algorithm, KeyPair inside, KeyPair outside, String jdk, String suffix) throws Exception {
        // What the JDK calls RSASSA-PSS with parameters, the token also has by one name for each hash.
        String other = algorithm.endsWith("withRSASSA-PSS") ? "RSASSA-PSS" : algorithm;
        // Bare ECDSA signs a digest.
        boolean bare = algorithm.startsWith("NONE");
        byte[] message = bare ? MessageDigest.getInstance("SHA-256", "SUN").digest(MESSAGE) : MESSAGE;
        byte[] wrong = bare ? MessageDigest.getInstance("SHA-256", "SUN").digest(OTHER) : OTHER;
        Signature signing = signature(algorithm, token);
        signing.initSign(inside.getPrivate());
        signing.update(message, 0, 3); // in two parts, as a stream would come
        signing.update(message, 3, message.length - 3);
        byte[] signature = signing.sign();
        Signature checking = signature(other, jdk);
        if (other != algorithm) {
            checking.setParameter(pss(algorithm));
        }
        checking.initVerify(outside(inside.getPublic()));
        checking.update(message);
        boolean right = checking.verify(signature);
        Signature back = signature(other, jdk);
        if (other != algorithm) {
            back.setParameter(pss(algorithm));
        }
        back.initSign(outside.getPrivate());
        back.update(message);
        byte[] foreign = back.sign();
        Signature inToken = signature(algorithm, token);
        inToken.initVerify(outside.getPublic());
        inToken.update(message);
        right &= inToken.verify(foreign);
        inToken.initVerify(outside.getPublic());
        inToken.update(wrong);
        says(algorithm + suffix, right && !inToken.verify(foreign));
    }

    static PSSParameterSpec pss(String algorithm) {
        String hash = algorithm.substring(0, algorithm.indexOf("with"));
        String name = hash.startsWith("SHA3") ? hash : hash.replace("SHA", "SHA-");
        int salt = name.equals("SHA-1") ? 20 : Integer.parseInt(name.substring(name.indexOf('-') + 1)) / 8;
        return new PSSParameterSpec(name, "MGF1", new MGF1ParameterSpec(name), salt, 1);
    }

    /** A key pair of the JDK's own. */
    static KeyPair foreign(String algorithm, String provider, AlgorithmParameterSpec specification) throws Exception {
        KeyPairGenerator generator = KeyPairGenerator.getInstance(algorithm, provider);
        generator.initialize(specification);
        return generator.generateKeyPair();
    }

    // Ciphers.

    static void ciphers() throws Exception {
        byte[] iv = new byte[16];
        new Random(1).nextBytes(iv);
        for (String algorithm : offered("Cipher")) {
            if (algorithm.startsWith("RSA")) {
                continue;
            }
            String family = algorithm.startsWith("AES") ? "AES" : "ChaCha20";
            for (int bytes : new int[] {16, 24, 32}) {
                boolean fixed = algorithm.startsWith("AES_") || family.equals("ChaCha20");
                int wanted = algorithm.startsWith("AES_") ? Integer.parseInt(algorithm.substring(4, 7)) / 8 : 32;
                if (fixed && wanted != bytes) {
                    continue;
                }
                byte[] key = new byte[bytes];
                new Random(bytes).nextBytes(key);
                AlgorithmParameterSpec parameters = algorithm.contains("GCM") ? new GCMParameterSpec(128, iv, 0, 12)
                    : algorithm.contains("ECB") ? null
                    : new IvParameterSpec(iv, 0, family.equals("AES") ? 16 : 12);
                says(algorithm + " " + 8 * bytes, agrees(algorithm, new SecretKeySpec(key, family), parameters));
            }
        }
        authentication();
    }

    /** Whether the token and the JDK give the same for messages of several lengths, in one part and in many. */
    static boolean agrees(String algorithm, SecretKeySpec plainKey, AlgorithmParameterSpec parameters)
        throws Exception {
        boolean padded = algorithm.contains("PKCS5");
        boolean streaming = algorithm.contains("CTR") || algorithm.contains("GCM") || algorithm.startsWith("ChaCha");
        boolean authenticates = algorithm.contains("GCM") || algorithm.startsWith("ChaCha");
        SecretKey key = SecretKeyFactory.getInstance(plainKey.getAlgorithm(), token).translateKey(plainKey);
        for (int length : new int[] {0, 1, 15, 16, 17, 48, 1000, 4096, 100_000}) {
            if (length % 16 != 0 && !padded && !streaming) {
                continue;
            }
            byte[] message = new byte[length];
            new Random(length).nextBytes(message);
            Cipher jdk = Cipher.getInstance(algorithm, "SunJCE");
            jdk.init(Cipher.ENCRYPT_MODE, plainKey, parameters);
            if (authenticates) {
                jdk.updateAAD(OTHER);
            }
            byte[] expected = jdk.doFinal(message);
            byte[] sealed = inParts(algorithm, Cipher.ENCRYPT_MODE, key, parameters, message, authenticates);
            byte[] opened = inParts(algorithm, Cipher.DECRYPT_MODE, key, parameters, expected, authenticates);
            if (!Arrays.equals(expected, sealed) || !Arrays.equals(message, opened)) {
                System.out.println(algorithm + ", " + length + " bytes: another result than the JDK's");
                return false;
            }
        }
        return true;
    }

    static byte[] inParts(String algorithm, int mode, SecretKey key, AlgorithmParameterSpec parameters, byte[] input,
        boolean authenticates) throws Exception {
        Cipher cipher = Cipher.getInstance(algorithm, token);
        cipher.init(mode, key, parameters);
        if (authenticates) {
            cipher.updateAAD(OTHER);
        }
        var output = new java.io.ByteArrayOutputStream();
        int step = input.length > 10_000 ? 9_999 : 7;
        int start = 0;
        // The last part is left to doFinal. Not so where JDK 17 forgets what doFinal is given after an update.
        while (input.length > 40 && start + step < input.length) {
            byte[] part = cipher.update(input, start, step);
            if (part != null) {
                output.write(part);
            }
            start += step;
        }
        if (authenticates && start > 0) {
            byte[] part = cipher.update(input, start, input.length - start);
            if (part != null) {
                output.write(part);
            }
            output.write(cipher.doFinal());
        } else {
            output.write(cipher.doFinal(input, start, input.length - start));
        }
        return output.toByteArray();
    }

    /** A changed message is refused by the ciphers that authenticate, and the token chooses a nonce if asked to. */
    static void authentication() throws Exception {
        SecretKey key = KeyGenerator.getInstance("AES", token).generateKey();
        Cipher cipher = Cipher.getInstance("AES/GCM/NoPadding", token);
        cipher.init(Cipher.ENCRYPT_MODE, key);
        byte[] nonce = cipher.getIV();
        byte[] sealed = cipher.doFinal(MESSAGE);
        GCMParameterSpec parameters = new GCMParameterSpec(128, nonce);
        cipher.init(Cipher.DECRYPT_MODE, key, parameters);
        says("AES/GCM/NoPadding own nonce", Arrays.equals(MESSAGE, cipher.doFinal(sealed)));
        sealed[3] ^= 1;
        cipher.init(Cipher.DECRYPT_MODE, key, parameters);
        try {
            cipher.doFinal(sealed);
            says("AES/GCM/NoPadding refuses", false);
        } catch (javax.crypto.AEADBadTagException refused) {
            says("AES/GCM/NoPadding refuses", true);
        }
    }

    static void rsaCiphers(KeyStore store, String alias) throws Exception {
        PrivateKey inside = (PrivateKey) store.getKey(alias, null);
        PublicKey outside = outside(store.getCertificate(alias).getPublicKey());
        says("key stays inside", inside.getEncoded() == null);
        for (String algorithm : new String[] {"RSA/ECB/PKCS1Padding", "RSA/ECB/NoPadding"}) {
            byte[] message = algorithm.contains("NoPadding") ? Arrays.copyOf(new byte[1], 256) : MESSAGE;
            message[message.length - 1] = 9;
            Cipher sealing = Cipher.getInstance(algorithm, "SunJCE");
            sealing.init(Cipher.ENCRYPT_MODE, outside);
            Cipher opening = Cipher.getInstance(algorithm, token);
            opening.init(Cipher.DECRYPT_MODE, inside);
            boolean right = Arrays.equals(message, opening.doFinal(sealing.doFinal(message)));
            Cipher sealingInside = Cipher.getInstance(algorithm, token);
            sealingInside.init(Cipher.ENCRYPT_MODE, outside);
            opening.init(Cipher.DECRYPT_MODE, inside);
            says(algorithm, right && Arrays.equals(message, opening.doFinal(sealingInside.doFinal(message))));
        }
        Cipher wrapping = Cipher.getInstance("RSA/ECB/PKCS1Padding", "SunJCE");
        wrapping.init(Cipher.WRAP_MODE, outside);
        SecretKeySpec secret = new SecretKeySpec(Arrays.copyOf(MESSAGE, 16), "AES");
        byte[] wrapped = wrapping.wrap(secret);
        Cipher unwrapping = Cipher.getInstance("RSA/ECB/PKCS1Padding", token);
        unwrapping.init(Cipher.UNWRAP_MODE, inside);
        Key unwrapped = unwrapping.unwrap(wrapped, "AES", Cipher.SECRET_KEY);
        says("RSA unwrap", sameAes(unwrapped, secret));
    }

    /** Whether two AES keys, wherever they are, encrypt alike. */
    static boolean sameAes(Key inside, SecretKeySpec outside) throws Exception {
        Cipher here = Cipher.getInstance("AES/ECB/NoPadding", token);
        here.init(Cipher.ENCRYPT_MODE, inside);
        Cipher there = Cipher.getInstance("AES/ECB/NoPadding", "SunJCE");
        there.init(Cipher.ENCRYPT_MODE, outside);
        return Arrays.equals(here.doFinal(new byte[16]), there.doFinal(new byte[16]));
    }

    // Secret keys.

    static void secretKeys() throws Exception {
        for (String algorithm : offered("Mac")) {
            SecretKeySpec plainKey = new SecretKeySpec(Arrays.copyOf(MESSAGE, 32), algorithm);
            byte[] expected = mac(algorithm, Mac.getInstance(algorithm, "SunJCE"), plainKey);
            says(algorithm, Arrays.equals(expected, mac(algorithm, Mac.getInstance(algorithm, token), plainKey)));
        }
        for (String algorithm : offered("KeyGenerator")) {
            if (algorithm.equals("HmacMD5")) {
                continue; // a generic secret, and no Mac for it
            }
            SecretKey key = KeyGenerator.getInstance(algorithm, token).generateKey();
            if (algorithm.startsWith("Hmac")) {
                byte[] made = mac(algorithm, Mac.getInstance(algorithm, token), key);
                says("KeyGenerator " + algorithm, made.length > 0 && !Arrays.equals(made, new byte[made.length]));
            } else {
                says("KeyGenerator " + algorithm, key.getAlgorithm().equals(algorithm));
            }
        }
        SecretKeyFactory factory = SecretKeyFactory.getInstance("AES", token);
        SecretKeySpec plain = new SecretKeySpec(new byte[32], "AES");
        SecretKey inside = factory.generateSecret(plain);
        says("SecretKeyFactory AES", sameAes(inside, plain));
    }

    static byte[] mac(String algorithm, Mac mac, SecretKey key) throws Exception {
        mac.init(key);
        byte[] large = new byte[50_000];
        for (int part = 0; part < 3; part++) {
            mac.update(large);
            mac.update(MESSAGE);
        }
        return mac.doFinal();
    }

    // Key agreement.

    static void agreements() throws Exception {
        for (String curve : new String[] {"secp256r1", "secp384r1", "secp521r1"}) {
            KeyPair inside = pair("EC", new ECGenParameterSpec(curve));
            KeyPair outside = foreign("EC", "SunEC", new ECGenParameterSpec(curve));
            byte[] here = agree("ECDH", token, inside.getPrivate(), outside.getPublic());
            PublicKey half = outside(inside.getPublic());
            byte[] there = agree("ECDH", Security.getProvider("SunEC"), outside.getPrivate(), half);
            says("ECDH " + curve, Arrays.equals(here, there));
        }
        KeyPairGenerator generator = KeyPairGenerator.getInstance("DH", "SunJCE");
        generator.initialize(2048);
        KeyPair outside = generator.generateKeyPair();
        DHParameterSpec group = ((DHPublicKey) outside.getPublic()).getParams();
        KeyPair inside = pair("DH", new DHParameterSpec(group.getP(), group.getG()));
        PublicKey half = KeyFactory.getInstance("DH", "SunJCE")
            .generatePublic(new X509EncodedKeySpec(inside.getPublic().getEncoded()));
        byte[] here = agree("DH", token, inside.getPrivate(), outside.getPublic());
        byte[] there = agree("DH", Security.getProvider("SunJCE"), outside.getPrivate(), half);
        says("DH", new BigInteger(1, here).equals(new BigInteger(1, there)));
    }

    static byte[] agree(String algorithm, Provider provider, PrivateKey own, PublicKey theirs) throws Exception {
        KeyAgreement agreement = KeyAgreement.getInstance(algorithm, provider);
        agreement.init(own);
        agreement.doPhase(theirs, true);
        return agreement.generateSecret();
    }

    static void digestsAndRandom() throws Exception {
        for (String algorithm : offered("MessageDigest")) {
            byte[] here = MessageDigest.getInstance(algorithm, token).digest(MESSAGE);
            says(algorithm, Arrays.equals(here, MessageDigest.getInstance(algorithm, "SUN").digest(MESSAGE)));
        }
        byte[] random = new byte[64];
        SecureRandom.getInstance("PKCS11", token).nextBytes(random);
        says("SecureRandom", !Arrays.equals(random, new byte[64]));
    }

    // The token as a KeyStore.

    static void entries(KeyStore store, char[] pin, String certified) throws Exception {
        says("chain", store.getCertificateChain(certified).length == 1);
        SecretKeySpec secret = new SecretKeySpec(Arrays.copyOf(OTHER, 16), "AES");
        store.setKeyEntry("written", secret, null, null);
        KeyStore again = KeyStore.getInstance("PKCS11", token);
        again.load(null, pin);
        says("secret entry", again.isKeyEntry("written") && sameAes(again.getKey("written", null), secret));
        again.setKeyEntry("written", new SecretKeySpec(new byte[32], "AES"), null, null);
        says("secret entry replaced", sameAes(again.getKey("written", null), new SecretKeySpec(new byte[32], "AES")));
        KeyStore entryStore = KeyStore.getInstance("PKCS11", token);
        entryStore.load(null, pin);
        entryStore.deleteEntry("written");
        says("secret entry deleted", !entryStore.containsAlias("written") && entryStore.containsAlias(certified));
    }
}
