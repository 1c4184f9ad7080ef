"""Keeps a certificate for a domain and all names right below it, signed by an authority of the cluster's own.

Runs once and ends. Does nothing as long as everything is there, fits the domain and lasts; private keys exist only here and in
their Secrets. The authority's key is in a namespace of its own, which what serves the traffic cannot read.
"""

import base64
import datetime
import json
import os
import ssl
import sys
import urllib.error
import urllib.request

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
MANAGER = "edge-authority"
AUTHORITY_DAYS = 3650
CLOCK_SKEW = datetime.timedelta(minutes=5)


class Api:
    """The few calls of the Kubernetes API that are needed."""

    def __init__(self, address, token, context):
        self.address, self.token, self.context = address, token, context

    @classmethod
    def of_the_pod(cls):
        host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
        with open(f"{ACCOUNT}/token", encoding="ascii") as file:
            token = file.read().strip()
        return cls(f"https://{host}:{port}", token, ssl.create_default_context(cafile=f"{ACCOUNT}/ca.crt"))

    def call(self, method, path, body=None, kind="application/json"):
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": kind, "Accept": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.address + path, data=data, method=method, headers=headers)
        with urllib.request.urlopen(request, timeout=15, context=self.context) as answer:
            return json.load(answer)

    def read(self, plural, namespace, name):
        """The object, or None where there is none."""
        try:
            return self.call("GET", f"/api/v1/namespaces/{namespace}/{plural}/{name}")
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise

    def write(self, plural, namespace, name, content):
        """Creates or changes an object by server-side apply, which takes no more than its own fields."""
        kind = {"secrets": "Secret", "configmaps": "ConfigMap"}[plural]
        labels = {"app.kubernetes.io/part-of": "ballast", "app.kubernetes.io/managed-by": MANAGER}
        metadata = {"name": name, "namespace": namespace, "labels": labels}
        body = {"apiVersion": "v1", "kind": kind, "metadata": metadata, **content}
        path = f"/api/v1/namespaces/{namespace}/{plural}/{name}?fieldManager={MANAGER}&force=true"
        self.call("PATCH", path, body, "application/apply-patch+yaml")


def now():
    return datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)


def key_pem(key):
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(encoding, form, serialization.NoEncryption())


def pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)


def builder(subject, issuer, public_key, lifetime):
    start = now()
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start - CLOCK_SKEW)
        .not_valid_after(start + lifetime)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def usage(**given):
    names = (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
        "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
    )
    return x509.KeyUsage(**{name: given.get(name, False) for name in names})


def make_authority(domain):
    """A new key and the certificate that it signs itself with."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Ballast authority of {domain}")])
    certificate = (
        builder(name, name, key.public_key(), datetime.timedelta(days=AUTHORITY_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage(key_cert_sign=True, crl_sign=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    return key, certificate


def make_certificate(domain, lifetime, authority_key, authority):
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, domain)])
    names = x509.SubjectAlternativeName([x509.DNSName(domain), x509.DNSName(f"*.{domain}")])
    issuer_key = authority_key.public_key()
    certificate = (
        builder(subject, authority.subject, key.public_key(), lifetime)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage(digital_signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False)
        .add_extension(names, critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    return key, certificate


def secret_content(key, certificate, **further):
    data = {"tls.crt": pem(certificate), "tls.key": key_pem(key), **further}
    return {
        "type": "kubernetes.io/tls",
        "data": {name: base64.b64encode(value).decode() for name, value in data.items()},
    }


def held(secret):
    """Key and certificate of a Secret; None where they cannot be read."""
    try:
        data = {name: base64.b64decode(value) for name, value in secret["data"].items()}
        key = serialization.load_pem_private_key(data["tls.key"], password=None)
        return key, x509.load_pem_x509_certificate(data["tls.crt"])
    except (KeyError, TypeError, ValueError):
        return None


def why_new(pair, domain, renew_before, authority):
    """Why the certificate must be made anew; None when it is good."""
    if pair is None:
        return "there is none that can be read"
    key, certificate = pair
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    if set(names.get_values_for_type(x509.DNSName)) != {domain, f"*.{domain}"}:
        return "it is for other names"
    if key.public_key().public_numbers() != certificate.public_key().public_numbers():
        return "its key is another's"
    try:
        algorithm = ec.ECDSA(certificate.signature_hash_algorithm)
        authority.public_key().verify(certificate.signature, certificate.tbs_certificate_bytes, algorithm)
    except InvalidSignature:
        return "the authority did not sign it"
    if certificate.not_valid_after - now() < renew_before:
        return f"it ends at {certificate.not_valid_after:%Y-%m-%dT%H:%M:%SZ}"
    return None


def keep(api, settings):
    """Makes what is missing; gives what was done, for the log."""
    domain, renew_before = settings["domain"], settings["renew_before"]
    home, edge = settings["authority_namespace"], settings["edge_namespace"]
    done = []
    secret = api.read("secrets", home, settings["authority_secret"])
    pair = secret and held(secret)
    if not pair or pair[1].not_valid_after - now() < max(renew_before, settings["lifetime"]):
        pair = make_authority(domain)
        api.write("secrets", home, settings["authority_secret"], secret_content(*pair))
        done.append("made the authority")
    authority_key, authority = pair
    public = {"ca.crt": pem(authority).decode()}
    known = api.read("configmaps", edge, settings["authority_configmap"])
    if not known or known.get("data") != public:
        api.write("configmaps", edge, settings["authority_configmap"], {"data": public})
        done.append("published the authority's certificate")
    present = api.read("secrets", edge, settings["certificate_secret"])
    reason = why_new(present and held(present), domain, renew_before, authority)
    if reason:
        key, certificate = make_certificate(domain, settings["lifetime"], authority_key, authority)
        content = secret_content(key, certificate, **{"ca.crt": pem(authority)})
        api.write("secrets", edge, settings["certificate_secret"], content)
        done.append(f"made certificate {certificate.serial_number:x} for *.{domain}, because {reason}")
    return done or ["everything is there and lasts"]


def settings_of(environment):
    lifetime = datetime.timedelta(hours=float(environment["LIFETIME_HOURS"]))
    renew_before = datetime.timedelta(hours=float(environment["RENEW_BEFORE_HOURS"]))
    return {
        "domain": environment["DOMAIN"],
        "authority_namespace": environment["AUTHORITY_NAMESPACE"],
        "edge_namespace": environment["EDGE_NAMESPACE"],
        "authority_secret": environment["AUTHORITY_OBJECT"],
        "authority_configmap": environment["AUTHORITY_CONFIGMAP"],
        "certificate_secret": environment["CERTIFICATE_OBJECT"],
        "lifetime": lifetime,
        "renew_before": renew_before,
    }


def main():
    try:
        for line in keep(Api.of_the_pod(), settings_of(os.environ)):
            print(line)
    except urllib.error.HTTPError as error:
        print(f"the API server answered {error.code} to {error.url}: {error.read(2000).decode(errors='replace')}")
        sys.exit(1)


if __name__ == "__main__":
    main()
