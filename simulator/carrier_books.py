"""The books of the pretend carrier: subscribers, charges, refunds, and how a day of them looks as a file."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone

Line = tuple[str, int, str]  # the number, fen, the month whose bill it is on


@dataclass
class Subscriber:
    """One number of its own network."""

    number: str
    since: date = date(2019, 3, 1)
    tariff: str = "畅享套餐99元"
    contract_ends_on: date | None = None
    arrears_fen: int = 0
    is_porting_out: bool = False

    def said(self) -> dict[str, object]:
        """As it is told to our server."""
        ends = self.contract_ends_on
        return {
            "is_ours": True,
            "since": self.since.isoformat(),
            "tariff": self.tariff,
            "contract_ends_on": ends.isoformat() if ends else None,
            "arrears_fen": self.arrears_fen,
            "is_porting_out": self.is_porting_out,
        }


@dataclass
class Charge:
    """One number: whose bill, how much, and where it stands: waiting, charged, closed, refused."""

    charge_no: str
    payer: str
    amount_fen: int
    expires_at: datetime
    status: str = "waiting"
    reason: str = ""
    code: str = ""
    code_at: float = 0.0
    wrong_tries: int = 0
    charge_id: str = ""
    charged_at: datetime | None = None
    billing_month: str = ""
    charged_count: int = 0  # how often it was put on the bill: once
    came_in: int = 0  # calls that announced it
    confirmed_in: int = 0  # calls that came with a code
    asked: int = 0

    def refuse(self, reason: str) -> None:
        """For good, where there is a reason."""
        if reason:
            self.status, self.reason = "refused", reason

    def take(self, at: datetime, month: str) -> None:
        """It stands on the bill."""
        self.status, self.charged_at, self.billing_month = "charged", at, month
        self.charge_id = f"hf{secrets.randbelow(10**20):020}"
        self.charged_count += 1

    def said(self) -> dict[str, object]:
        """As it is told to our server."""
        told: dict[str, object] = {"charge_no": self.charge_no, "status": self.status, "reason": self.reason}
        if self.charged_at is not None:
            told |= {
                "number": self.payer,
                "amount_fen": self.amount_fen,
                "charge_id": self.charge_id,
                "billing_month": self.billing_month,
                "charged_at": self.charged_at.isoformat(timespec="seconds"),
            }
        return told

    def line(self, day: date, zone: timezone) -> Line | None:
        """In the bill of the day on which it was charged."""
        is_of_day = self.charged_at is not None and self.charged_at.astimezone(zone).date() == day
        return (self.charge_no, self.amount_fen, self.billing_month) if is_of_day else None

    @property
    def shown(self) -> dict[str, object]:
        """For whoever watches; the number and the code stay in its books."""
        return {
            "charge_no": self.charge_no,
            "tail": self.payer[-4:],
            "amount_fen": self.amount_fen,
            "status": self.status,
            "billing_month": self.billing_month,
        }


@dataclass
class Refund:
    """Money that came back: off the bill of its month (cancelled), or on another one (credited)."""

    refund_no: str
    charge_no: str
    amount_fen: int
    status: str
    billing_month: str
    made_at: datetime
    refund_id: str = field(default_factory=lambda: f"tf{secrets.randbelow(10**20):020}")
    came_in: int = 1

    def said(self) -> dict[str, object]:
        """As it is told to our server."""
        return {
            "refund_no": self.refund_no,
            "charge_no": self.charge_no,
            "amount_fen": self.amount_fen,
            "status": self.status,
            "billing_month": self.billing_month,
            "refund_id": self.refund_id,
        }

    def line(self, day: date, zone: timezone) -> Line | None:
        """In the bill of the day on which it was made."""
        is_of_day = self.made_at.astimezone(zone).date() == day
        return (self.refund_no, self.amount_fen, self.billing_month) if is_of_day else None


def month_of(at: datetime, cut_off: int) -> str:
    """On whose bill it stands: after the cut-off day of a month, on that of the next one."""
    local = at.astimezone(timezone(timedelta(hours=8)))
    if local.day > cut_off:
        local = local.replace(day=1) + timedelta(days=32)
    return f"{local.year:04}-{local.month:02}"


def bill_file(lines: Iterable[Line]) -> bytes:
    """A head, the lines, and their sums."""
    told = sorted(lines)
    body = [f"{number},{fen},{month}" for number, fen, month in told]
    total = sum(fen for _, fen, _ in told)
    return "\n".join(["number,amount_fen,billing_month", *body, f"total,{len(told)},{total}", ""]).encode()
