"""Who acts, and from which account."""

from dataclasses import dataclass
from uuid import UUID

from models.words import ClerkRole, OperatorRole, Touchpoint


@dataclass(frozen=True, slots=True)
class Person:
    """A known person, perhaps not yet a member, talking through one account."""

    member_id: UUID
    account: str  # the account's key: `oa`, `mp`, ...
    through: Touchpoint
    is_member: bool
    number: str | None  # 会员号, once a member

    @property
    def kind(self) -> str:
        """What idempotency and audit rows call this actor."""
        return "person"

    @property
    def actor_id(self) -> str:
        """Under which id idempotency rows are kept."""
        return str(self.member_id)


@dataclass(frozen=True, slots=True)
class Operator:
    """One of the people who run this, signed in; acts within the own organization and what is below it."""

    id: UUID
    organization_id: UUID
    role: OperatorRole
    login: str
    session_id: UUID

    @property
    def kind(self) -> str:
        """What idempotency and audit rows call this actor."""
        return "operator"

    @property
    def actor_id(self) -> str:
        """Under which id idempotency and audit rows are kept."""
        return str(self.id)


@dataclass(frozen=True, slots=True)
class Clerk:
    """A member who serves in a merchant's stores: in one of them, or in all (`store_id` None)."""

    id: UUID
    member_id: UUID
    merchant_id: UUID
    store_id: UUID | None
    role: ClerkRole
    name: str
    session_id: UUID | None = None  # None: they act in chat

    @property
    def kind(self) -> str:
        """What idempotency and audit rows call this actor."""
        return "clerk"

    @property
    def actor_id(self) -> str:
        """Under which id idempotency and audit rows are kept."""
        return str(self.id)


@dataclass(frozen=True, slots=True)
class CommandLine:
    """Whoever runs a command of this program on one of its machines, by the name that the system knows them by."""

    user: str

    @property
    def kind(self) -> str:
        """What idempotency and audit rows call this actor."""
        return "command_line"

    @property
    def actor_id(self) -> str:
        """Under which id audit rows are kept."""
        return self.user[:64]


@dataclass(frozen=True, slots=True)
class Channel:
    """A till, shop, app or partner that signs what it says: of an organization, or within it of one merchant."""

    id: UUID
    code: str
    organization_id: UUID
    merchant_id: UUID | None

    @property
    def kind(self) -> str:
        """What idempotency and audit rows call this actor."""
        return "channel"

    @property
    def actor_id(self) -> str:
        """Under which id idempotency and audit rows are kept."""
        return str(self.id)
