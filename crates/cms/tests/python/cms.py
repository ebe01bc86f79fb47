"""CMS by asn1crypto and cryptography: reads, or writes, the files of this folder; an oracle that shares nothing with
the crate under test. Names are SUITE.SERVICES.SIZE.plain and .cms."""
import glob, os, sys, zlib
from asn1crypto import algos, cms, core, x509
from cryptography.hazmat.primitives import hashes, padding, serialization
from cryptography.hazmat.primitives.asymmetric import padding as rsa_padding, utils
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.x509 import load_pem_x509_certificate
try:
    from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
except ImportError:
    TripleDES = algorithms.TripleDES

SHA = {1: 'sha1', 2: 'sha1', 3: 'sha256', 4: 'sha256', 5: 'sha512', 6: 'sha512', 7: 'sha3_512',
       8: 'sha256', 9: 'sha512', 10: 'sha3_512'}
MAKE = {'sha1': hashes.SHA1, 'sha256': hashes.SHA256, 'sha512': hashes.SHA512, 'sha3_512': hashes.SHA3_512}
PSS = (8, 9, 10)


def key(name):
    return serialization.load_pem_private_key(open(name + '.key', 'rb').read(), None)


def certificate(name):
    one = load_pem_x509_certificate(open(name + '.pem', 'rb').read())
    return one, x509.Certificate.load(one.public_bytes(serialization.Encoding.DER))


def digest(suite, octets):
    made = hashes.Hash(MAKE[SHA[suite]]())
    made.update(octets)
    return made.finalize()


def signing(suite):
    sha = MAKE[SHA[suite]]()
    if suite in PSS:
        return rsa_padding.PSS(rsa_padding.MGF1(sha), sha.digest_size)
    return rsa_padding.PKCS1v15()


def transport(suite):
    sha = MAKE[SHA[suite]]()
    if suite in PSS:
        return rsa_padding.OAEP(rsa_padding.MGF1(sha), sha, None)
    return rsa_padding.PKCS1v15()


def cipher(suite, secret, vector):
    make = TripleDES if suite in (1, 3, 5) else algorithms.AES
    return Cipher(make(secret), modes.CBC(vector))


def block(suite):
    return 8 if suite in (1, 3, 5) else 16


def info(kind, content):
    return cms.ContentInfo({'content_type': kind, 'content': content})


def digest_algorithm(suite):
    return algos.DigestAlgorithm({'algorithm': SHA[suite]})


def mask(suite):
    return {'algorithm': 'mgf1', 'parameters': digest_algorithm(suite)}


def signature_algorithm(suite):
    if suite not in PSS:
        return {'algorithm': 'rsassa_pkcs1v15'}
    salt = MAKE[SHA[suite]]().digest_size
    parameters = {'hash_algorithm': digest_algorithm(suite), 'mask_gen_algorithm': mask(suite), 'salt_length': salt}
    return {'algorithm': 'rsassa_pss', 'parameters': parameters}


def transport_algorithm(suite):
    if suite not in PSS:
        return {'algorithm': 'rsaes_pkcs1v15'}
    parameters = {'hash_algorithm': digest_algorithm(suite), 'mask_gen_algorithm': mask(suite)}
    return {'algorithm': 'rsaes_oaep', 'parameters': parameters}


def named(parsed):
    serial = {'issuer': parsed.issuer, 'serial_number': parsed.serial_number}
    return cms.IssuerAndSerialNumber(serial)


def sign(suite, content):
    _, parsed = certificate('partner')
    attributes = cms.CMSAttributes([
        {'type': 'content_type', 'values': ['data']},
        {'type': 'message_digest', 'values': [digest(suite, content)]},
    ])
    text = attributes.dump()
    sha = MAKE[SHA[suite]]()
    signature = key('partner').sign(digest(suite, text), signing(suite), utils.Prehashed(sha))
    signer = cms.SignerInfo({
        'version': 'v1', 'sid': cms.SignerIdentifier('issuer_and_serial_number', named(parsed)),
        'digest_algorithm': digest_algorithm(suite), 'signed_attrs': attributes,
        'signature_algorithm': signature_algorithm(suite), 'signature': signature})
    return info('signed_data', cms.SignedData({
        'version': 'v1', 'digest_algorithms': [digest_algorithm(suite)],
        'encap_content_info': {'content_type': 'data', 'content': content}, 'signer_infos': [signer]})).dump()


def compress(content):
    return info('compressed_data', cms.CompressedData({
        'version': 0, 'compression_algorithm': {'algorithm': 'zlib'},
        'encap_content_info': {'content_type': 'data', 'content': zlib.compress(content, 6)}})).dump()


def encrypt(suite, content):
    one, parsed = certificate('us')
    secret, vector = os.urandom(24 if block(suite) == 8 else 32), os.urandom(block(suite))
    padder = padding.PKCS7(block(suite) * 8).padder()
    encryptor = cipher(suite, secret, vector).encryptor()
    encrypted = encryptor.update(padder.update(content) + padder.finalize()) + encryptor.finalize()
    recipient = cms.RecipientInfo('ktri', {
        'version': 'v0', 'rid': cms.RecipientIdentifier('issuer_and_serial_number', named(parsed)),
        'key_encryption_algorithm': transport_algorithm(suite),
        'encrypted_key': one.public_key().encrypt(secret, transport(suite))})
    algorithm = {'algorithm': 'tripledes_3key' if block(suite) == 8 else 'aes256_cbc', 'parameters': vector}
    return info('enveloped_data', cms.EnvelopedData({
        'version': 'v0', 'recipient_infos': [recipient],
        'encrypted_content_info': {'content_type': 'data', 'content_encryption_algorithm': algorithm,
                                   'encrypted_content': encrypted}})).dump()


def verify(suite, octets):
    one, _ = certificate('partner')
    signed = cms.ContentInfo.load(octets, strict=True)['content']
    content = signed['encap_content_info']['content'].native
    (signer,) = signed['signer_infos']
    attributes = {each['type'].native: each['values'].native for each in signer['signed_attrs']}
    assert attributes['content_type'] == ['data'] and attributes['message_digest'] == [digest(suite, content)]
    text = signer['signed_attrs'].untag().dump()
    sha = MAKE[SHA[suite]]()
    one.public_key().verify(signer['signature'].native, digest(suite, text), signing(suite), utils.Prehashed(sha))
    return content


def inflate(octets):
    packed = cms.ContentInfo.load(octets, strict=True)['content']
    return zlib.decompress(packed['encap_content_info']['content'].native)


def decrypt(suite, octets):
    enveloped = cms.ContentInfo.load(octets, strict=True)['content']
    (recipient,) = enveloped['recipient_infos']
    secret = key('us').decrypt(recipient.chosen['encrypted_key'].native, transport(suite))
    inside = enveloped['encrypted_content_info']
    vector = inside['content_encryption_algorithm']['parameters'].native
    decryptor = cipher(suite, secret, vector).decryptor()
    padded = decryptor.update(inside['encrypted_content'].native) + decryptor.finalize()
    unpadder = padding.PKCS7(block(suite) * 8).unpadder()
    return unpadder.update(padded) + unpadder.finalize()


def main(what, expected):
    names = sorted(glob.glob('*.plain'))
    assert len(names) == int(expected), len(names)
    for name in names:
        suite, services, _ = name.split('.')[:3]
        suite, plain, place = int(suite), open(name, 'rb').read(), name[:-5] + 'cms'
        if what == 'write':
            content = plain
            if 's' in services: content = sign(suite, content)
            if 'z' in services: content = compress(content)
            if 'e' in services: content = encrypt(suite, content)
            open(place, 'wb').write(content)
        else:
            content = open(place, 'rb').read()
            if 'e' in services: content = decrypt(suite, content)
            if 'z' in services: content = inflate(content)
            if 's' in services: content = verify(suite, content)
            assert content == plain, name


main(*sys.argv[1:])
