// A TLS server whose keys are in the token: gives each key its chain of certificates, then answers every connection
// with one page, and says on standard output where it listens.
// Usage: java ServeTls.java CONFIG PIN CA ALIAS=CERTIFICATE…
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.Key;
import java.security.KeyStore;
import java.security.Provider;
import java.security.Security;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.util.Arrays;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSocket;

public class ServeTls {
    static final byte[] PAGE = "HTTP/1.0 200 OK\r\nContent-Length: 9\r\n\r\nby Java.\n".getBytes();

    public static void main(String[] args) throws Exception {
        Provider token = Security.getProvider("SunPKCS11").configure(args[0]);
        Security.addProvider(token);
        KeyStore store = KeyStore.getInstance("PKCS11", token);
        store.load(null, args[1].toCharArray());
        Certificate authority = certificate(args[2]);
        for (String pair : Arrays.asList(args).subList(3, args.length)) {
            String alias = pair.substring(0, pair.indexOf('='));
            Certificate[] chain = {certificate(pair.substring(pair.indexOf('=') + 1)), authority};
            Key key = store.getKey(alias, null);
            store.setKeyEntry(alias, key, null, chain);
            KeyStore again = KeyStore.getInstance("PKCS11", token);
            again.load(null, args[1].toCharArray());
            System.out.println(alias + " chain " + Arrays.equals(chain, again.getCertificateChain(alias)));
        }
        KeyManagerFactory keys = KeyManagerFactory.getInstance("SunX509");
        keys.init(store, null);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), null, null);
        SSLServerSocket server = (SSLServerSocket) context.getServerSocketFactory().createServerSocket(0);
        System.out.println("port " + server.getLocalPort());
        while (true) {
            try (SSLSocket socket = (SSLSocket) server.accept()) {
                InputStream in = socket.getInputStream();
                in.read(new byte[4096]);
                OutputStream out = socket.getOutputStream();
                out.write(PAGE);
                out.flush();
            } catch (Exception broken) {
                System.err.println(broken);
            }
        }
    }

    static Certificate certificate(String file) throws Exception {
        try (InputStream in = Files.newInputStream(Path.of(file))) {
            return CertificateFactory.getInstance("X.509").generateCertificate(in);
        }
    }
}
