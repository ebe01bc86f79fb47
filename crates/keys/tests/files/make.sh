#!/bin/sh
# Makes the files of this folder that openssl, keytool and ssh-keygen can make, beside those that are here already:
# k.pem (the RSA key), c.pem (its certificate), k.bcfks (Bouncy Castle 1.80) and *.ppk (puttygen). Passwords are
# `secret`; where a file has a second one, it is `second`.
set -eu
cd "$(dirname "$0")"
p='-passout pass:secret'
# A CA, a station's certificate of it, and one with an EC key.
openssl req -x509 -newkey rsa:2048 -nodes -days 7300 -subj '/C=DE/O=Test, Trust & Co/CN=Test CA' -keyout ca.key -out ca.pem \
  -addext 'keyUsage=critical,keyCertSign,cRLSign'
cat > ext <<'END'
basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature,nonRepudiation,keyEncipherment,dataEncipherment
extendedKeyUsage=serverAuth,clientAuth,emailProtection
subjectAltName=DNS:oftp.nordwerk.example,IP:192.0.2.7,email:oftp@nordwerk.example,URI:oftp://nordwerk.example
END
openssl req -new -newkey rsa:2048 -nodes -subj '/C=DE/ST=Hessen/L=Kassel/O=Nordwerk/OU=EDI/CN=oftp.nordwerk.example/emailAddress=oftp@nordwerk.example' \
  -keyout leaf.key -out leaf.csr
openssl x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -set_serial 0x00c0ffee01 -days 7300 -extfile ext -out leaf.pem
openssl ecparam -name prime256v1 -genkey -noout -out ec.sec1.pem
openssl pkey -in ec.sec1.pem -out ec.pem
openssl req -x509 -key ec.pem -days 7300 -subj '/CN=ec.nordwerk.example' -out ecc.pem
# PFX in the ways of old and new programs, and one with two keys and a certificate of a CA.
for pbe in PBE-SHA1-RC2-128 PBE-SHA1-RC2-40 PBE-SHA1-RC4-128 PBE-SHA1-3DES AES-128-CBC AES-256-CBC; do
  openssl pkcs12 -legacy -export -inkey leaf.key -in leaf.pem -certfile ca.pem -name leaf -certpbe $pbe -keypbe $pbe $p -out "leaf.$pbe.p12"
done
openssl pkcs12 -export -inkey leaf.key -in leaf.pem -name leaf -passout pass: -out empty.p12
openssl pkcs12 -export -nomac -inkey leaf.key -in leaf.pem -name leaf $p -out nomac.p12
openssl pkcs12 -export -inkey ec.pem -in ecc.pem -name ec $p -macalg sha512 -out ec.p12
openssl pkcs12 -export -inkey k.pem -in c.pem -name v8 -passout 'pass:pässwörd €' -out umlaut.p12
k='keytool -J-Duser.language=en -noprompt -storepass secret'
rm -f several.* trust.* second.jks secretkey.jceks
for t in pkcs12 jks jceks; do
  $k -importkeystore -srckeystore leaf.AES-256-CBC.p12 -srcstoretype pkcs12 -srcstorepass secret -destkeystore several.$t -deststoretype $t -deststorepass secret
  $k -importkeystore -srckeystore ec.p12 -srcstoretype pkcs12 -srcstorepass secret -destkeystore several.$t -deststoretype $t -deststorepass secret
  $k -importcert -alias 'the ca' -file ca.pem -keystore several.$t -storetype $t
  $k -importcert -alias 'the ca' -file ca.pem -keystore trust.$t -storetype $t
  $k -list -keystore several.$t -storetype $t > several.$t.list
done
cp k.jks second.jks
keytool -keypasswd -keystore second.jks -storetype jks -storepass secret -alias v8 -keypass secret -new second
$k -genseckey -alias aes -keyalg AES -keysize 128 -keystore secretkey.jceks -storetype jceks -keypass secret
# PEM and DER.
cat leaf.key leaf.pem ca.pem > both.pem
openssl pkcs12 -in modern.p12 -passin pass:secret -nodes -out bags.pem
for c in aes128 aes192 aes256 des des3; do openssl rsa -in k.pem -traditional -$c $p -provider legacy -provider default -out trad.$c.pem; done
for prf in hmacWithSHA1 hmacWithSHA512; do openssl pkcs8 -topk8 -in k.pem -v2 aes-128-cbc -v2prf $prf $p -out enc8.$prf.pem; done
openssl pkcs8 -topk8 -in k.pem -v2 des3 $p -out enc8.des3.pem
for pbe in PBE-SHA1-DES PBE-MD5-RC2-64 PBE-SHA1-RC2-40 PBE-SHA1-3DES; do
  openssl pkcs8 -topk8 -in k.pem -v1 $pbe $p -provider legacy -provider default -out enc8.$pbe.pem
done
openssl pkcs8 -topk8 -in k.pem -outform DER $p -out enc8.der
openssl pkcs8 -topk8 -in k.pem -outform DER -nocrypt -out k.pk8
openssl rsa -in k.pem -traditional -outform DER -out k.pk1
openssl pkey -in k.pem -pubout -out k.pub.pem
openssl pkey -in k.pem -pubout -outform DER -out k.pub.der
openssl pkey -in leaf.key -pubout -out leaf.pub.pem
openssl pkey -in ec.pem -pubout -out ec.pub.pem
openssl x509 -in leaf.pem -outform DER -out leaf.cer
openssl crl2pkcs7 -nocrl -certfile leaf.pem -certfile ca.pem -outform DER -out chain.p7b
openssl crl2pkcs7 -nocrl -certfile leaf.pem -certfile ca.pem -out chain.p7b.pem
for f in leaf ca ecc; do openssl x509 -in $f.pem -noout -fingerprint -sha256 -fingerprint -sha1 -fingerprint -md5; done > /dev/null
for h in md5 sha1 sha256; do openssl x509 -in leaf.pem -noout -fingerprint -$h; done > leaf.fingerprints
# OpenSSH: a copy of the RSA key in each of its ciphers, and keys of other kinds.
for z in aes128-ctr aes256-cbc 3des-cbc aes256-gcm@openssh.com chacha20-poly1305@openssh.com; do
  cp k.pem "ssh.$z"; chmod 600 "ssh.$z"; ssh-keygen -q -p -P '' -N secret -Z "$z" -a 4 -f "ssh.$z"
done
cp k.pem ssh.plain; chmod 600 ssh.plain; ssh-keygen -q -p -P '' -N '' -f ssh.plain
rm -f ssh.ed25519 ssh.ecdsa
ssh-keygen -q -t ed25519 -N '' -C a@b -f ssh.ed25519; ssh-keygen -q -t ecdsa -b 384 -N '' -C a@b -f ssh.ecdsa
chmod 644 ssh.*
(umask 77; cp ssh.plain tmp.key; cp ssh.ecdsa tmp2.key; ssh-keygen -y -f tmp.key > ssh.plain.pub; ssh-keygen -y -f tmp2.key > ssh.ecdsa.pub)
ssh-keygen -e -m RFC4716 -f ssh.plain.pub > ssh.rfc4716.pub
chmod 644 ./*
rm -f tmp.key tmp2.key ext leaf.csr
python3 numbers.py
