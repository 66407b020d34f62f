"""Signatures and seals of WeChat Pay v3: ours over what we send, theirs over what they say, and the notices' cipher.

Everything is checked over the very bytes that came: a body that was read and written again is another one.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

WINDOW = timedelta(seconds=300)  # how far the time of what is said may be from ours
SCHEME = "WECHATPAY2-SHA256-RSA2048"
TIMESTAMP, NONCE, SIGNATURE = "Wechatpay-Timestamp", "Wechatpay-Nonce", "Wechatpay-Signature"
SERIAL, SIGNATURE_TYPE = "Wechatpay-Serial", "Wechatpay-Signature-Type"
SEAL = "AEAD_AES_256_GCM"
_DIGITS = re.compile(r"[0-9]{1,12}")


class SealBroken(Exception):
    """What was said was not said by WeChat Pay, not to us, or not just now; the text is a short word without values."""


class KeyUnusable(Exception):
    """A key file holds no key of the kind that is needed; the text says which."""


@dataclass(frozen=True, slots=True)
class PayKeys:
    """Who we are to WeChat Pay and who they are to us: our key signs, `theirs` check, by id, and the seal's key opens.

    Nothing is fetched to make one.
    """

    mch_id: str
    serial_no: str
    ours: RSAPrivateKey = field(repr=False)
    theirs: Mapping[str, RSAPublicKey] = field(repr=False)
    seal_key: bytes = field(repr=False)

    @classmethod
    def read(
        cls, *, mch_id: str, serial_no: str, private_key: bytes, public_key_id: str, public_key: bytes, api_v3_key: str
    ) -> "PayKeys":
        """From PEM, whichever of its forms (PKCS#1, PKCS#8). Raises KeyUnusable."""
        try:
            ours = load_pem_private_key(private_key, password=None)
        except (ValueError, TypeError) as error:
            raise KeyUnusable("private") from error
        try:
            theirs = load_pem_public_key(public_key)
        except ValueError as error:
            raise KeyUnusable("public") from error
        if not isinstance(ours, RSAPrivateKey):
            raise KeyUnusable("private")
        if not isinstance(theirs, RSAPublicKey):
            raise KeyUnusable("public")
        if len(api_v3_key.encode()) != 32:
            raise KeyUnusable("api_v3")
        return cls(mch_id, serial_no, ours, {public_key_id: theirs}, api_v3_key.encode())

    def sign(self, *lines: str) -> str:
        """Base64 of RSA-SHA256 (PKCS#1 v1.5) over the lines, each with its line feed: always the same.

        A fifth of a millisecond to one, by processor, in which other threads run.
        """
        text = "".join(f"{line}\n" for line in lines).encode()
        return base64.b64encode(self.ours.sign(text, PKCS1v15(), SHA256())).decode()

    def authorization(self, method: str, target: str, body: bytes, *, timestamp: str, nonce: str) -> str:
        """The header over a call; `target` is path and query as they are sent, `body` the bytes as they are sent."""
        signed = self.sign(method, target, timestamp, nonce, body.decode())
        return (
            f'{SCHEME} mchid="{self.mch_id}",nonce_str="{nonce}",signature="{signed}",'
            f'timestamp="{timestamp}",serial_no="{self.serial_no}"'
        )

    def check(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> None:
        """Whether WeChat Pay said this, just now. Raises SealBroken.

        Their deliberate wrong signatures (`WECHATPAY/SIGNTEST/...`) are wrong like any other.
        """
        if headers.get(SIGNATURE_TYPE, SCHEME) != SCHEME:
            raise SealBroken("signature_type")
        timestamp, nonce = headers.get(TIMESTAMP, ""), headers.get(NONCE, "")
        if not _DIGITS.fullmatch(timestamp) or not nonce:
            raise SealBroken("headers")
        if abs(now.timestamp() - int(timestamp)) > WINDOW.total_seconds():
            raise SealBroken("age")
        key = self.theirs.get(headers.get(SERIAL, ""))
        if key is None:
            raise SealBroken("serial")
        try:
            given = base64.b64decode(headers.get(SIGNATURE, ""), validate=True)
            key.verify(given, f"{timestamp}\n{nonce}\n".encode() + body + b"\n", PKCS1v15(), SHA256())
        except (binascii.Error, ValueError, InvalidSignature) as error:
            raise SealBroken("signature") from error

    def opened(self, ciphertext: str, nonce: str, associated_data: str) -> bytes:
        """What stands under the seal of a notice. Raises SealBroken."""
        try:
            sealed = base64.b64decode(ciphertext, validate=True)
            return AESGCM(self.seal_key).decrypt(nonce.encode(), sealed, associated_data.encode())
        except (binascii.Error, ValueError, InvalidTag) as error:
            raise SealBroken("seal") from error

    def for_them(self, text: str) -> str:
        """Base64 of what only they can read, under the key that `their_id` names: RSA-OAEP with SHA-1, as they want."""
        sealing = OAEP(mgf=MGF1(SHA1()), algorithm=SHA1(), label=None)  # noqa: S303 - what they take
        return base64.b64encode(self.theirs[self.their_id].encrypt(text.encode(), sealing)).decode()

    @property
    def their_id(self) -> str:
        """Which of their keys we speak to."""
        return next(iter(self.theirs))
