"""The platform's side of WeChat Pay's signatures and seals, written from its documents alone."""

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

_SCHEME = "WECHATPAY2-SHA256-RSA2048"
PROBE = "WECHATPAY/SIGNTEST/"


class BadSignature(Exception):
    """What came was not signed as it should be; the words say why."""


@dataclass(frozen=True, kw_only=True)
class Merchant:
    """One merchant as the platform knows it: its number, its certificate's serial and key, and what seals notices.

    `platform_key` signs what the platform says, under `public_key_id`.
    """

    mch_id: str
    serial_no: str
    public_key: rsa.RSAPublicKey = field(repr=False)
    api_v3_key: str = field(repr=False)
    public_key_id: str
    platform_key: rsa.RSAPrivateKey = field(repr=False)

    @classmethod
    def read(
        cls,
        *,
        mch_id: str,
        serial_no: str,
        merchant_pem: bytes,
        api_v3_key: str,
        public_key_id: str,
        platform_pem: bytes,
    ) -> "Merchant":
        """From the merchant's key file, of which only the public half is kept, and the platform's own."""
        theirs, ours = load_pem_private_key(merchant_pem, None), load_pem_private_key(platform_pem, None)
        if not isinstance(theirs, rsa.RSAPrivateKey) or not isinstance(ours, rsa.RSAPrivateKey):
            raise TypeError("RSA keys are needed")
        return cls(
            mch_id=mch_id,
            serial_no=serial_no,
            public_key=theirs.public_key(),
            api_v3_key=api_v3_key,
            public_key_id=public_key_id,
            platform_key=ours,
        )

    def verify(self, authorization: str, method: str, target: str, body: bytes, now: float) -> None:
        """Over the bytes that came; raises BadSignature."""
        scheme, _, rest = authorization.partition(" ")
        given = dict(part.split("=", 1) for part in rest.split(",") if "=" in part)
        facts = {name.strip(): value.strip().strip('"') for name, value in given.items()}
        if scheme != _SCHEME or facts.get("mchid") != self.mch_id or facts.get("serial_no") != self.serial_no:
            raise BadSignature("scheme, mchid or serial_no")
        timestamp, nonce = facts.get("timestamp", ""), facts.get("nonce_str", "")
        if not timestamp.isdigit() or abs(now - int(timestamp)) > 300:
            raise BadSignature("timestamp")
        signed = f"{method}\n{target}\n{timestamp}\n{nonce}\n".encode() + body + b"\n"
        self._check(facts.get("signature", ""), signed)

    def verify_client(self, app_id: str, payment: Mapping[str, str]) -> None:
        """The paySign of wx.requestPayment; raises BadSignature."""
        if payment["sign_type"] != "RSA":
            raise BadSignature("signType")
        lines = (app_id, payment["timestamp"], payment["nonce"], payment["package"])
        self._check(payment["pay_sign"], "".join(f"{line}\n" for line in lines).encode())

    def headers(self, body: bytes, now: float, *, probe: bool = False) -> dict[str, str]:
        """What the platform puts over what it says; a probe carries a wrong signature on purpose."""
        timestamp, nonce = str(int(now)), secrets.token_hex(16)
        text = f"{timestamp}\n{nonce}\n".encode() + body + b"\n"
        signed = base64.b64encode(self.platform_key.sign(text, padding.PKCS1v15(), SHA256())).decode()
        return {
            "Wechatpay-Timestamp": timestamp,
            "Wechatpay-Nonce": nonce,
            "Wechatpay-Signature": f"{PROBE}{signed}" if probe else signed,
            "Wechatpay-Serial": self.public_key_id,
            "Wechatpay-Signature-Type": _SCHEME,
        }

    def sealed(self, plain: bytes, kind: str) -> dict[str, str]:
        """The `resource` of a notice."""
        nonce = secrets.token_hex(6)
        cipher = AESGCM(self.api_v3_key.encode()).encrypt(nonce.encode(), plain, kind.encode())
        return {
            "algorithm": "AEAD_AES_256_GCM",
            "original_type": kind,
            "ciphertext": base64.b64encode(cipher).decode(),
            "nonce": nonce,
            "associated_data": kind,
        }

    def _check(self, given: str, signed: bytes) -> None:
        try:
            self.public_key.verify(base64.b64decode(given, validate=True), signed, padding.PKCS1v15(), SHA256())
        except (ValueError, InvalidSignature) as error:
            raise BadSignature("signature") from error
