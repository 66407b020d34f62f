"""The transfers of the pretend WeChat Pay: money that waits a day for its payee to take it, arrives or goes home.

Books of its own, to the fen: what each openid got, and how often each number was paid.
"""

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA1

from simulator.errors import ImpossibleError

CONFIRMED_WITHIN = timedelta(hours=24)
LEAST_FEN, NAMED_FROM_FEN, NAME_NEEDED_FROM_FEN = 10, 30, 200_000
REPORTS = {"1000": {"活动名称", "奖励说明"}, "1005": {"岗位类型", "报酬说明"}}
_OPEN = {"ACCEPTED", "PROCESSING", "WAIT_USER_CONFIRM"}


@dataclass
class TransferBill:
    """One transfer in its books; `facts` are those that a number stands for."""

    number: str
    app_id: str
    openid: str
    amount_fen: int
    name: str
    scene_id: str
    remark: str
    notify_url: str
    made_at: datetime
    bill_id: str = field(default_factory=lambda: f"13{secrets.randbelow(10**26):026}")
    package: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    state: str = "ACCEPTED"
    fail_reason: str = ""
    came_in: int = 1
    asked: int = 0
    paid_count: int = 0  # how often money moved for it: once at most
    paid_at: datetime | None = None
    told: int = 0

    @property
    def facts(self) -> tuple[object, ...]:
        return self.app_id, self.openid, self.amount_fen, self.name, self.scene_id, self.remark


class TransferBooks:
    """The bills by their numbers, and what becomes of them."""

    def __init__(self) -> None:
        self.bills: dict[str, TransferBill] = {}

    def take(
        self, asked: Mapping[str, object], key: RSAPrivateKey, now: datetime, *, becomes: str
    ) -> TransferBill | str:
        """One call for a transfer: the bill, old or new, or the code of what is wrong with it."""
        amount, scene = asked.get("transfer_amount"), str(asked.get("transfer_scene_id"))
        if type(amount) is not int or amount < LEAST_FEN or "?" in str(asked.get("notify_url")):
            return "PARAM_ERROR"
        number = str(asked.get("out_bill_no"))
        if not (number.isalnum() and number.isascii() and len(number) <= 32) or len(str(asked["transfer_remark"])) > 32:
            return "PARAM_ERROR"
        reports = asked.get("transfer_scene_report_infos")
        told = {str(each["info_type"]) for each in reports} if isinstance(reports, list) else set()
        if told != REPORTS.get(scene):
            return "PARAM_ERROR"
        try:
            name = _name(asked.get("user_name"), key)
        except ValueError:
            return "PARAM_ERROR"
        if (name and amount < NAMED_FROM_FEN) or (not name and amount >= NAME_NEEDED_FROM_FEN):
            return "PARAM_ERROR"
        bill = TransferBill(
            number,
            str(asked["appid"]),
            str(asked["openid"]),
            amount,
            name,
            scene,
            str(asked["transfer_remark"]),
            str(asked["notify_url"]),
            now,
        )
        known = self.bills.get(number)
        if known is not None:
            known.came_in += 1
            return known if known.facts == bill.facts else "ALREADY_EXISTS"
        bill.state = becomes
        self.bills[number] = bill
        return bill

    def of_package(self, app_id: str, openid: str, package: str) -> TransferBill:
        """Whose page wx.requestMerchantTransfer opens. Raises ImpossibleError."""
        bill = next((each for each in self.bills.values() if each.package == package), None)
        if bill is None or (bill.app_id, bill.openid) != (app_id, openid):
            raise ImpossibleError("收款用户与当前用户不一致")
        return bill

    def confirm(self, bill: TransferBill, now: datetime) -> None:
        """The payee takes it. Raises ImpossibleError."""
        if bill.state != "WAIT_USER_CONFIRM" or now >= bill.made_at + CONFIRMED_WITHIN:
            raise ImpossibleError("这笔转账不能确认收款")
        bill.state = "TRANSFERING"

    def arrive(self, bill: TransferBill, now: datetime) -> None:
        """The money is theirs."""
        bill.state, bill.paid_count, bill.paid_at = "SUCCESS", bill.paid_count + 1, now

    def end(self, bill: TransferBill, state: str, reason: str) -> bool:
        """Without money, if it is open; whether it was."""
        if bill.state not in {*_OPEN, "CANCELING"}:
            return False
        bill.state, bill.fail_reason = state, reason
        return True

    def overdue(self, now: datetime) -> list[TransferBill]:
        """What nobody took in a day."""
        return [
            each
            for each in self.bills.values()
            if each.state == "WAIT_USER_CONFIRM" and now >= each.made_at + CONFIRMED_WITHIN
        ]

    def got(self, openid: str) -> int:
        """What somebody's wallet got, in fen."""
        return sum(each.amount_fen * each.paid_count for each in self.bills.values() if each.openid == openid)


def _name(cipher: object, key: RSAPrivateKey) -> str:
    if cipher is None:
        return ""
    sealing = OAEP(mgf=MGF1(SHA1()), algorithm=SHA1(), label=None)  # noqa: S303 - as the documents want it
    return key.decrypt(base64.b64decode(str(cipher), validate=True), sealing).decode()


def answer_of(bill: TransferBill) -> dict[str, object]:
    """What a call for a transfer is answered: the package only while somebody has to take it."""
    said: dict[str, object] = {
        "out_bill_no": bill.number,
        "transfer_bill_no": bill.bill_id,
        "create_time": bill.made_at.isoformat(timespec="seconds"),
        "state": bill.state,
    }
    if bill.fail_reason:
        said["fail_reason"] = bill.fail_reason
    if bill.state == "WAIT_USER_CONFIRM":
        said["package_info"] = bill.package
    return said


def facts_of(bill: TransferBill, mch_id: str) -> dict[str, object]:
    """What a question is answered, and what a notice says: no package."""
    said = {name: value for name, value in answer_of(bill).items() if name != "package_info"}
    return {
        **said,
        "mch_id": mch_id,
        "appid": bill.app_id,
        "transfer_amount": bill.amount_fen,
        "transfer_remark": bill.remark,
        "openid": bill.openid,
        "update_time": bill.made_at.isoformat(timespec="seconds"),
    }
