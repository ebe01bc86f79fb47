"""Writes the keys of this folder as JWK (RFC 7517) and as XML, as .NET's RSA.ToXmlString writes it."""
import base64
import json
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

def octets(n, length=None):
    return n.to_bytes(length or (n.bit_length() + 7) // 8, "big")

def url(b):
    return base64.urlsafe_b64encode(b).rstrip(b"=").decode()

def key(name):
    return load_pem_private_key(open(name, "rb").read(), None)

n = key("leaf.key").private_numbers()
pub = n.public_numbers
chain = [base64.b64encode(x509.load_pem_x509_certificate(open(f, "rb").read()).public_bytes(Encoding.DER)).decode()
         for f in ("leaf.pem", "ca.pem")]
rsa = {"kty": "RSA", "kid": "leaf", "use": "sig", "n": url(octets(pub.n)), "e": url(octets(pub.e)), "d": url(octets(n.d)),
       "p": url(octets(n.p)), "q": url(octets(n.q)), "dp": url(octets(n.dmp1)), "dq": url(octets(n.dmq1)),
       "qi": url(octets(n.iqmp)), "x5c": chain}
e = key("ec.pem").private_numbers()
ec = {"kty": "EC", "kid": "ec", "crv": "P-256", "x": url(octets(e.public_numbers.x, 32)),
      "y": url(octets(e.public_numbers.y, 32)), "d": url(octets(e.private_value, 32))}
json.dump(rsa, open("leaf.jwk", "w"), indent=1)
json.dump({"keys": [rsa, ec, {k: rsa[k] for k in ("kty", "n", "e")}]}, open("set.jwks", "w"), indent=1)

def b64(v):
    return base64.b64encode(octets(v)).decode()

private = [("Modulus", pub.n), ("Exponent", pub.e), ("P", n.p), ("Q", n.q), ("DP", n.dmp1), ("DQ", n.dmq1),
           ("InverseQ", n.iqmp), ("D", n.d)]
def xml(numbers):
    return "<RSAKeyValue>" + "".join(f"<{k}>{b64(v)}</{k}>" for k, v in numbers) + "</RSAKeyValue>"

open("leaf.xml", "w").write(xml(private))
open("leaf.pub.xml", "w").write('<?xml version="1.0"?>\n<KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><KeyValue>'
    + xml(private[:2]) + f"</KeyValue><X509Data><X509Certificate>\n{chain[0]}\n</X509Certificate></X509Data></KeyInfo>\n")
