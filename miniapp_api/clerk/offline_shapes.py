"""What devices send and see that work without a network."""

import re
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import AwareDatetime, BeforeValidator, Field, StringConstraints

from handlers.offline.conflicts import ConflictView
from handlers.offline.packs import Fetched, OnlineOnly
from handlers.offline.scans import ScanAnswer, ScanSent, Told, Uploaded
from handlers.offline.signing_keys import PublicKey
from handlers.rules.offline import MOST_SCANS
from miniapp_api.clerk.shapes import BillFen, DeviceId, RequestKey, TypedCode
from miniapp_api.shapes import Body, Id, Out
from models.words import ConflictDecision, ScanOutcome

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)", re.ASCII)
_MOST_MS = 2 * 24 * 3600 * 1000


def _instant(value: object) -> object:
    if not isinstance(value, str) or not _INSTANT.fullmatch(value):
        raise ValueError("not an instant of RFC 3339")
    return value


# In a URL `+` is a space: `Z` spares the device that thought.
DeviceInstant = Annotated[
    AwareDatetime, BeforeValidator(_instant), Field(description="the device's own clock, RFC 3339 with offset")
]
Seq = Annotated[int, Field(ge=1, le=2**31 - 1, description="1, 2, ... per device, without a gap")]
One = Annotated[int, Field(ge=1, le=1)]
Elapsed = Annotated[
    int, Field(ge=0, le=_MOST_MS, description="what the device's monotonic clock counted since the sync, milliseconds")
]
Note = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class OfflineScanBody(Body):
    """One scan as it was made. `sync_id` is that of the pack it was checked by; `scanned_at` the device's own clock."""

    code: TypedCode
    seq: Seq
    key: RequestKey
    sync_id: Id
    scanned_at: AwareDatetime
    elapsed_ms: Elapsed | None = None
    uses: One = 1
    bill_amount_fen: BillFen | None = None

    def scan(self) -> ScanSent:
        """What the handler takes."""
        return ScanSent(
            seq=self.seq,
            key=self.key,
            code=self.code,
            sync_id=self.sync_id,
            scanned_at=self.scanned_at,
            elapsed=timedelta(milliseconds=self.elapsed_ms) if self.elapsed_ms is not None else None,
            bill_fen=self.bill_amount_fen,
        )


class OfflineUploadBody(Body):
    """A part of the device's queue, in any order. `sent_at` is the device's own clock at this moment."""

    device_id: DeviceId
    sent_at: AwareDatetime
    scans: Annotated[list[OfflineScanBody], Field(min_length=1, max_length=MOST_SCANS)]


class LossBody(Body):
    note: Note


class OfflineKeyOut(Out):
    """An Ed25519 public key: base64url of its 32 bytes."""

    key_id: str
    public_key: str
    made_at: datetime

    @classmethod
    def of(cls, key: PublicKey) -> "OfflineKeyOut":
        return cls.model_validate(key)


class OfflinePackOut(Out):
    """`pack` is base64url of JSON, `signature` is over its bytes; both are null where `online_only` says why."""

    business_on: str
    ends_at: datetime
    online_only: OnlineOnly | None
    pack: str | None
    signature: str | None
    key_id: str | None
    sync_id: Id
    offset_ms: int = Field(description="to add to the device's clock")
    is_clock_warned: bool
    server_at: datetime

    @classmethod
    def of(cls, fetched: Fetched) -> "OfflinePackOut":
        pack = fetched.pack
        return cls(
            business_on=pack.business_on,
            ends_at=pack.ends_at,
            online_only=pack.online_only,
            pack=pack.text,
            signature=pack.signature,
            key_id=pack.key_id,
            sync_id=fetched.sync_id,
            offset_ms=fetched.offset // timedelta(milliseconds=1),
            is_clock_warned=fetched.is_clock_warned,
            server_at=fetched.server_at,
        )


class FirstGivenOut(Out):
    """What counts instead; `given_at` by our clock."""

    given_at: datetime
    store: str
    clerk: str
    device_id: str
    receipt: str


class OfflineAnswerOut(Out):
    """`answer` says whether it is new; `outcome` what became of it, for good once it is not provisional any more.

    What is not kept (`is_kept` false) must be sent again later.
    """

    seq: int
    key: str
    answer: Told
    outcome: ScanOutcome
    reason: str
    is_provisional: bool
    is_kept: bool
    redemption_id: Id | None
    first: FirstGivenOut | None

    @classmethod
    def of(cls, answer: ScanAnswer) -> "OfflineAnswerOut":
        return cls(
            seq=answer.seq,
            key=answer.key,
            answer=answer.told,
            outcome=answer.outcome,
            reason=answer.reason,
            is_provisional=answer.is_provisional,
            is_kept=answer.is_kept,
            redemption_id=answer.redemption_id,
            first=FirstGivenOut.model_validate(answer.first) if answer.first else None,
        )


class OfflineUploadedOut(Out):
    """`gaps` are first and last numbers that never came; later scans are taken in all the same, provisionally."""

    items: list[OfflineAnswerOut]
    complete_upto: int
    gaps: list[tuple[int, int]]
    offset_ms: int
    is_clock_warned: bool
    server_at: datetime

    @classmethod
    def of(cls, uploaded: Uploaded) -> "OfflineUploadedOut":
        return cls(
            items=[OfflineAnswerOut.of(each) for each in uploaded.answers],
            complete_upto=uploaded.complete_upto,
            gaps=list(uploaded.gaps),
            offset_ms=uploaded.offset // timedelta(milliseconds=1),
            is_clock_warned=uploaded.is_clock_warned,
            server_at=uploaded.server_at,
        )


class ConflictOut(Out):
    """The second of two hand-overs for one claim; `first` is the one that counts. `is_online`: redeemed online."""

    id: Id
    merchant: str
    benefit: str
    claim_id: Id
    store: str
    clerk: str
    device_id: str
    given_at: datetime
    found_at: datetime
    is_online: bool
    first: FirstGivenOut
    decision: ConflictDecision
    decided_at: datetime | None
    note: str
    settlement_fen: int = Field(description="paid for the second one: nothing unless an operator said so")

    @classmethod
    def of(cls, view: ConflictView) -> "ConflictOut":
        return cls.model_validate(view)
