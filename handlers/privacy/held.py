"""What is held about one person, section by section, as they are shown it. Values stand in the clear."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from models.words import (
    CardStatus,
    ClaimState,
    ConsentPurpose,
    DuePrizeState,
    IdentifierStatus,
    IdentityAct,
    LedgerAccountKind,
    LevelCause,
    MemberStatus,
    Namespace,
    OrderState,
    OutsideHoldState,
    ParcelState,
    PaymentMethod,
    RewardedAct,
    SpinPaid,
    TermCause,
    Touchpoint,
    WithdrawalState,
)


@dataclass(frozen=True, slots=True)
class HeldMember:
    """The person's row. `other_ids` are rows that turned out to be the same person."""

    id: UUID
    other_ids: tuple[UUID, ...]
    number: str | None
    status: MemberStatus
    organization: str | None
    known_since: datetime
    joined_at: datetime | None
    joined_through: Touchpoint | None


@dataclass(frozen=True, slots=True)
class HeldProfile:
    """What the person told of themselves."""

    nickname: str | None = None
    birthday: str | None = None
    gender: str | None = None


@dataclass(frozen=True, slots=True)
class HeldIdentifier:
    """`value` is null where only the fact is kept, and where its key is missing."""

    namespace: Namespace
    scope: str
    value: str | None
    status: IdentifierStatus
    verified_at: datetime
    verified_by: str
    last_seen_at: datetime


@dataclass(frozen=True, slots=True)
class HeldNumber:
    """A further number that the person proved."""

    number: str | None
    status: IdentifierStatus
    proven_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class HeldDevice:
    """A device that the person signed in on; which one nobody can read any more."""

    first_seen_at: datetime
    last_seen_at: datetime


@dataclass(frozen=True, slots=True)
class HeldCard:
    """`has_*` tell which proofs of the older system are kept; they are keyed hashes, nobody can read them."""

    kind: str
    number: str | None
    status: CardStatus
    bound_at: datetime | None
    lost_at: datetime | None
    last_store: str | None
    opening_balance: int
    has_phone: bool
    has_name: bool
    has_pin: bool


@dataclass(frozen=True, slots=True)
class HeldTopUp:
    """A number that a benefit was charged to."""

    benefit: str
    number: str | None
    state: ClaimState
    claimed_at: datetime


@dataclass(frozen=True, slots=True)
class HeldConsent:
    """One act of consent; a withdrawn one stays as its own proof."""

    purpose: ConsentPurpose
    version: str
    account: str
    given_through: Touchpoint
    given_at: datetime
    withdrawn_at: datetime | None


@dataclass(frozen=True, slots=True)
class HeldFollowing:
    """One official account and this person."""

    account: str
    followed_at: datetime
    unfollowed_at: datetime | None


@dataclass(frozen=True, slots=True)
class HeldAttribution:
    """The code or link that first brought them."""

    account: str
    scene: str
    touched_at: datetime


@dataclass(frozen=True, slots=True)
class HeldSession:
    """One sign-in that still works."""

    account: str
    opened_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class HeldRequest:
    """That something was asked for; kept 72 hours so that a repeated request is recognised."""

    operation: str
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class HeldMessage:
    """A message to them, waiting or sent within the last seven days."""

    kind: str
    state: str
    text: str | None
    added_at: datetime


@dataclass(frozen=True, slots=True)
class HeldTransfer:
    """A number that came from its former holder, or moved on to its next one."""

    tail: str
    came_to_you: bool
    transferred_at: datetime
    held_until: datetime


@dataclass(frozen=True, slots=True)
class HeldListing:
    """A list of an operator's that names them, for an offer that is given or taken back, and what became of it.

    `recharge_tail`: of the number that a top-up would go to, while it waits.
    """

    offer: str
    listed_for: str
    quantity: int
    state: str
    added_at: datetime
    recharge_tail: str = ""


@dataclass(frozen=True, slots=True)
class HeldPurchase:
    """What they bought, as the channel where they did told it."""

    channel: str
    order_no: str
    amount_fen: int
    refunded_fen: int
    categories: tuple[str, ...]
    paid_at: datetime


@dataclass(frozen=True, slots=True)
class HeldOutsidePoints:
    """Points of an account outside that were asked for; `kept_by`: who keeps that account. The number is not kept.

    `returned`: how many of them went back since.
    """

    kept_by: str
    amount: int
    state: OutsideHoldState
    asked_at: datetime
    returned: int


@dataclass(frozen=True, slots=True)
class HeldOrder:
    """What they ordered for money, and what became of it. `recharge_to`: the number that a top-up goes to.

    `billing_month`: on which phone bill it stands, as 2026-11; empty: on none.
    """

    number: str
    title: str
    quantity: int
    amount_fen: int
    refunded_fen: int
    state: OrderState
    method: PaymentMethod
    billing_month: str
    recharge_to: str | None
    ordered_at: datetime
    paid_at: datetime | None


@dataclass(frozen=True, slots=True)
class HeldWithdrawal:
    """Money that they took out, and what became of it. `name`: theirs, while it has to be compared."""

    number: str
    amount_fen: int
    state: WithdrawalState
    name: str | None
    asked_at: datetime
    closed_at: datetime | None


@dataclass(frozen=True, slots=True)
class HeldBalance:
    """What they have of one unit: there, or pending."""

    unit: str
    kind: LedgerAccountKind
    posted: int
    held: int


@dataclass(frozen=True, slots=True)
class HeldEntry:
    """One amount that came (positive) or went, and why."""

    unit: str
    amount: int
    cause: str
    happened_at: datetime


@dataclass(frozen=True, slots=True)
class HeldLevel:
    """One change of their level, and what an operator gave as its reason."""

    level: str
    cause: LevelCause
    growth: int
    reason: str
    judged_at: datetime | None
    happened_at: datetime


@dataclass(frozen=True, slots=True)
class HeldTerm:
    """One term of a paid membership of theirs; `cut_at`: the rest from there on went back."""

    plan: str
    level: str
    cause: TermCause
    paid_fen: int
    starts_at: datetime
    ends_at: datetime
    cut_at: datetime | None


@dataclass(frozen=True, slots=True)
class HeldCheckIn:
    """One day on which they checked in, or that a make-up card mended."""

    business_on: str
    is_made_up: bool
    checked_in_at: datetime


@dataclass(frozen=True, slots=True)
class HeldTask:
    """A task that they finished, and for which period."""

    task: str
    period: str
    finished_at: datetime


@dataclass(frozen=True, slots=True)
class HeldReward:
    """What a check-in or a task gave them."""

    act: RewardedAct
    part: str
    kind: str
    code: str
    amount: int
    given_at: datetime


@dataclass(frozen=True, slots=True)
class HeldInvitation:
    """The code by which they invite others."""

    code: str
    made_at: datetime


@dataclass(frozen=True, slots=True)
class HeldSpin:
    """One turn in a lucky draw; prizes by their codes. The public log has it under a pseudonym."""

    draw: str
    sequence: int
    rolled: str
    awarded: str
    paid_by: SpinPaid
    points: int
    happened_at: datetime


@dataclass(frozen=True, slots=True)
class HeldParcel:
    """A thing that they won, and where it goes."""

    name: str
    state: ParcelState
    address: str | None
    deadline_at: datetime
    waybill: str
    sent_at: datetime | None


@dataclass(frozen=True, slots=True)
class HeldDuePrize:
    """A benefit that they won and that asks something first; the number it went to stands with the top-ups."""

    name: str
    state: DuePrizeState
    deadline_at: datetime


@dataclass(frozen=True, slots=True)
class HeldEvent:
    """What happened to who they are."""

    act: IdentityAct
    namespace: Namespace | None
    happened_at: datetime


@dataclass(frozen=True, slots=True)
class HeldDeed:
    """What an operator did to their row."""

    action: str
    happened_at: datetime
