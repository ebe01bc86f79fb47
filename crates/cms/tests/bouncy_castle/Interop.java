import java.io.*;
import java.nio.file.*;
import java.security.*;
import java.security.cert.X509Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.MGF1ParameterSpec;
import java.util.*;
import javax.crypto.spec.*;
import org.bouncycastle.asn1.pkcs.*;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.cert.jcajce.*;
import org.bouncycastle.cms.*;
import org.bouncycastle.cms.jcajce.*;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.openssl.PEMParser;
import org.bouncycastle.openssl.jcajce.JcaPEMKeyConverter;
import org.bouncycastle.operator.*;
import org.bouncycastle.operator.jcajce.*;

/** CMS by Bouncy Castle's streams and by its values: reads, or writes, the files of this folder. Names are
 *  SUITE.SERVICES.SIZE.plain and .cms; files whose size is even are written as streams (BER), others as values. */
public class Interop {
    static X509Certificate certificate(String name) throws Exception {
        try (InputStream in = new FileInputStream(name + ".pem")) {
            return (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(in);
        }
    }

    static PrivateKey key(String name) throws Exception {
        try (PEMParser parser = new PEMParser(new FileReader(name + ".key"))) {
            return new JcaPEMKeyConverter().getPrivateKey((PrivateKeyInfo) parser.readObject());
        }
    }

    static boolean isPss(int suite) { return suite >= 8; }

    static boolean isAes(int suite) { return suite != 1 && suite != 3 && suite != 5; }

    static String hash(int suite) {
        return switch (suite) {
            case 1, 2 -> "SHA-1";
            case 3, 4, 8 -> "SHA-256";
            case 5, 6, 9 -> "SHA-512";
            default -> "SHA3-512";
        };
    }

    static SignerInfoGenerator signer(int suite) throws Exception {
        String name = hash(suite).startsWith("SHA3") ? hash(suite) : hash(suite).replace("-", "");
        ContentSigner signer = new JcaContentSignerBuilder(name + "with" + (isPss(suite) ? "RSAandMGF1" : "RSA"))
                .setProvider("BC").build(key("partner"));
        DigestCalculatorProvider digests = new JcaDigestCalculatorProviderBuilder().setProvider("BC").build();
        return new JcaSignerInfoGeneratorBuilder(digests).build(signer, certificate("partner"));
    }

    static RecipientInfoGenerator recipient(int suite) throws Exception {
        if (!isPss(suite)) {
            return new JceKeyTransRecipientInfoGenerator(certificate("us")).setProvider("BC");
        }
        OAEPParameterSpec oaep = new OAEPParameterSpec(hash(suite), "MGF1", new MGF1ParameterSpec(hash(suite)),
                PSource.PSpecified.DEFAULT);
        AlgorithmIdentifier algorithm = new JcaAlgorithmParametersConverter()
                .getAlgorithmIdentifier(PKCSObjectIdentifiers.id_RSAES_OAEP, oaep);
        return new JceKeyTransRecipientInfoGenerator(certificate("us"), algorithm).setProvider("BC");
    }

    static OutputEncryptor encryptor(int suite) throws Exception {
        return new JceCMSContentEncryptorBuilder(isAes(suite) ? CMSAlgorithm.AES256_CBC : CMSAlgorithm.DES_EDE3_CBC)
                .setProvider("BC").build();
    }

    static byte[] sign(int suite, byte[] content, boolean stream) throws Exception {
        if (!stream) {
            CMSSignedDataGenerator generator = new CMSSignedDataGenerator();
            generator.addSignerInfoGenerator(signer(suite));
            return generator.generate(new CMSProcessableByteArray(content), true).getEncoded("DER");
        }
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        CMSSignedDataStreamGenerator generator = new CMSSignedDataStreamGenerator();
        generator.addSignerInfoGenerator(signer(suite));
        generator.addCertificate(new JcaX509CertificateHolder(certificate("partner")));
        try (OutputStream in = generator.open(out, true)) { in.write(content); }
        return out.toByteArray();
    }

    static byte[] compress(byte[] content, boolean stream) throws Exception {
        if (!stream) {
            return new CMSCompressedDataGenerator()
                    .generate(new CMSProcessableByteArray(content), new ZlibCompressor()).getEncoded();
        }
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (OutputStream in = new CMSCompressedDataStreamGenerator().open(out, new ZlibCompressor())) { in.write(content); }
        return out.toByteArray();
    }

    static byte[] encrypt(int suite, byte[] content, boolean stream) throws Exception {
        if (!stream) {
            CMSEnvelopedDataGenerator generator = new CMSEnvelopedDataGenerator();
            generator.addRecipientInfoGenerator(recipient(suite));
            return generator.generate(new CMSProcessableByteArray(content), encryptor(suite))
                    .toASN1Structure().getEncoded("DER");
        }
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        CMSEnvelopedDataStreamGenerator generator = new CMSEnvelopedDataStreamGenerator();
        generator.addRecipientInfoGenerator(recipient(suite));
        try (OutputStream in = generator.open(out, encryptor(suite))) { in.write(content); }
        return out.toByteArray();
    }

    static byte[] verify(byte[] octets) throws Exception {
        CMSSignedDataParser parser = new CMSSignedDataParser(
                new JcaDigestCalculatorProviderBuilder().setProvider("BC").build(), new ByteArrayInputStream(octets));
        byte[] content = parser.getSignedContent().getContentStream().readAllBytes();
        int good = 0;
        for (SignerInformation signer : parser.getSignerInfos().getSigners()) {
            if (!signer.verify(new JcaSimpleSignerInfoVerifierBuilder().setProvider("BC").build(certificate("partner")))) {
                throw new SignatureException("does not verify");
            }
            good++;
        }
        if (good != 1) { throw new SignatureException(good + " signers"); }
        return content;
    }

    static byte[] inflate(byte[] octets) throws Exception {
        return new CMSCompressedDataParser(octets).getContent(new ZlibExpanderProvider()).getContentStream().readAllBytes();
    }

    static byte[] decrypt(byte[] octets) throws Exception {
        CMSEnvelopedDataParser parser = new CMSEnvelopedDataParser(new ByteArrayInputStream(octets));
        RecipientInformation recipient = parser.getRecipientInfos().getRecipients().iterator().next();
        return recipient.getContentStream(new JceKeyTransEnvelopedRecipient(key("us")).setProvider("BC"))
                .getContentStream().readAllBytes();
    }

    public static void main(String[] arguments) throws Exception {
        Security.addProvider(new BouncyCastleProvider());
        File[] files = new File(".").listFiles((folder, name) -> name.endsWith(".plain"));
        if (files.length != Integer.parseInt(arguments[1])) { throw new IOException(files.length + " files"); }
        for (File file : files) {
            String[] parts = file.getName().split("\\.");
            int suite = Integer.parseInt(parts[0]);
            String services = parts[1];
            byte[] plain = Files.readAllBytes(file.toPath());
            Path place = Path.of(file.getName().replace(".plain", ".cms"));
            boolean stream = plain.length % 2 == 0;
            try {
                byte[] content = arguments[0].equals("write") ? plain : Files.readAllBytes(place);
                if (arguments[0].equals("write")) {
                    if (services.contains("s")) { content = sign(suite, content, stream); }
                    if (services.contains("z")) { content = compress(content, stream); }
                    if (services.contains("e")) { content = encrypt(suite, content, stream); }
                    Files.write(place, content);
                } else {
                    if (services.contains("e")) { content = decrypt(content); }
                    if (services.contains("z")) { content = inflate(content); }
                    if (services.contains("s")) { content = verify(content); }
                    if (!Arrays.equals(content, plain)) { throw new IOException("another content"); }
                }
            } catch (Exception error) {
                throw new IOException(file.getName() + ": " + error, error);
            }
        }
    }
}
