"""The key that signs id tokens, and how others read it (JWKS)."""

import base64
import functools
import secrets

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from .issued import issued


@functools.cache
def _new_pem():
    """One RSA key a process is enough, and making one takes a moment."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


@functools.cache
def _loaded(pem):
    """Checking an RSA key takes a tenth of a second, and a reset keeps the key."""
    return serialization.load_pem_private_key(pem.encode(), None)


class SigningKey:
    """The key of a simulator; it is kept in the collection ``meta``, so that tokens outlive a restart."""

    def __init__(self, meta):
        if meta.get("signing_key") is None:
            meta.put("signing_key", {"pem": _new_pem(), "kid": secrets.token_hex(8).upper()})
        self.kid = meta.get("signing_key")["kid"]
        self._key = _loaded(meta.get("signing_key")["pem"])

    def sign(self, claims):
        return issued(jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": self.kid}))

    def public(self):
        return self._key.public_key()

    def jwks(self):
        """The value of a ``jwks_uri``."""
        numbers = self.public().public_numbers()

        def encoded(value):
            raw = value.to_bytes((value.bit_length() + 7) // 8, "big")
            return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

        key = {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.kid}
        return {"keys": [{**key, "n": encoded(numbers.n), "e": encoded(numbers.e)}]}
