"""What both doors say of draws: the page that the law wants, promises, and the log."""

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from miniapp_api.shapes import Id, Out
from models.words import ParcelState

Day = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
LOG_TYPE = "application/jsonl"


class DisclosedOut(Out):
    """One line of the table of prizes; null: no limit."""

    name: str
    ppm: int
    odds: str
    quantity: int | None
    left: int | None
    daily: int | None


class DayOut(Out):
    """A business day's seed: its hash from before the first spin, itself once it is revealed."""

    day: str
    seed_hash: str
    committed_at: datetime
    revealed_at: datetime | None
    seed: str = Field(description="hex; empty until it is revealed")


class CommitmentOut(Out):
    """One promise; `hash` is the SHA-256 of `document`."""

    number: int
    kind: str
    document: str
    hash: str
    committed_at: datetime


class KeyOut(Out):
    """What receipts are checked with: base64url of 32 bytes (Ed25519)."""

    key_id: str
    public_key: str
    made_at: datetime


class FairnessOut(Out):
    """All that is public of a draw before its days are over; afterwards there is the log."""

    draw_id: Id
    days: list[DayOut]
    day: str = Field(description="whose promises these are")
    commitments: list[CommitmentOut]
    public_keys: list[KeyOut]


class ParcelOut(Out):
    """A thing that was won."""

    id: Id
    draw_id: Id
    name: str
    state: ParcelState
    deadline_at: datetime
    waybill: str
    sent_at: datetime | None
    address: str = Field(description="empty: not shown here")
