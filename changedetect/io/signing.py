"""Sign the manifest of a package with an Ed25519 key (extra ``sign``); verifying needs no extra."""

from pathlib import Path

from changedetect.errors import InputError, ResourceError
from changedetect.io.publish import publish_bytes
from changedetect.io.seal import MANIFEST, SIGNATURE


def sign_manifest(folder: Path, key: Path) -> str:
    """Sign a sealed package; return the public key, 64 hexadecimal digits.

    Parameters
    ----------
    folder
        Of the package.
    key
        Private key, PEM (PKCS 8), without a password.

    Raises
    ------
    ResourceError
        The extra is not installed.
    InputError
        The key can not be read, or is of another kind.
    """
    try:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    except ImportError as error:
        msg = "signing needs the extra 'sign': pip install changedetect[sign]"
        raise ResourceError(msg) from error
    try:
        secret = serialization.load_pem_private_key(key.read_bytes(), password=None)
    except (ValueError, TypeError) as error:
        msg = f"{key}: no private key in PEM without a password ({error}); make one with: openssl genpkey -algorithm ed25519"
        raise InputError(msg) from error
    if not isinstance(secret, Ed25519PrivateKey):
        msg = (
            f"{key}: an Ed25519 key was expected; make one with: openssl genpkey -algorithm ed25519"
        )
        raise InputError(msg)
    signature = secret.sign((folder / MANIFEST).read_bytes())
    publish_bytes(folder / SIGNATURE, signature.hex().encode() + b"\n", overwrite=True)
    public: bytes = secret.public_key().public_bytes_raw()
    return public.hex()
