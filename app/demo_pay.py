"""A merchant of the pretend WeChat Pay, made up at the demo's first start: its keys stand beside the others."""

import os
from collections.abc import Mapping
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

MCH_ID, PUBLIC_KEY_ID = "1900009191", "PUB_KEY_ID_0119000091912026"
SERIAL_NO = "5157F09EFDC096DE15EBE81A47057A7200000001"
OURS, THEIRS, PUBLIC = "pay-merchant.pem", "pay-platform.pem", "pay-platform-public.pem"


def pay_environment(folder: Path, api_url: str) -> Mapping[str, str]:
    """Settings of the merchant; the keys are made where there are none yet."""
    if not (folder / PUBLIC).exists():
        _write(folder / OURS, _private(_key()))
        platform = _key()
        _write(folder / THEIRS, _private(platform))
        _write(folder / PUBLIC, platform.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return {
        "FANPIAO_PAY__API_URL": api_url,
        "FANPIAO_PAY__MCH_ID": MCH_ID,
        "FANPIAO_PAY__SERIAL_NO": SERIAL_NO,
        "FANPIAO_PAY__PRIVATE_KEY_FILE": str(folder / OURS),
        "FANPIAO_PAY__PUBLIC_KEY_FILE": str(folder / PUBLIC),
        "FANPIAO_PAY__PUBLIC_KEY_ID": PUBLIC_KEY_ID,
        "FANPIAO_SIMULATOR__PAY_KEY_FILE": str(folder / THEIRS),
    }


def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65_537, key_size=2_048)


def _private(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
