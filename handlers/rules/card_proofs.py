"""What proves that somebody owns a card: the phone it was issued to, its PIN, or its name with the last store."""

import hmac
import unicodedata
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Kept:
    """What is known of a card, as keyed hashes; empty where the old system had nothing."""

    phone_hash: str = ""
    pin_hash: str = ""
    name_hash: str = ""
    last_store_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """What somebody gave as proof, hashed the same way; empty where they gave nothing."""

    phone_hash: str = ""
    pin_hash: str = ""
    name_hash: str = ""
    store_id: UUID | None = None

    @property
    def is_enough_to_ask(self) -> bool:
        """Whether this could prove anything at all: a name counts only together with a store."""
        return bool(self.phone_hash or self.pin_hash or (self.name_hash and self.store_id))


def is_proven(kept: Kept, shown: Shown) -> bool:
    """Whether everything shown agrees with what is kept, and at least one thing proves ownership.

    All comparisons are made, in constant time, so that the answer's time tells nothing.
    """
    phone = _agrees(kept.phone_hash, shown.phone_hash)
    pin = _agrees(kept.pin_hash, shown.pin_hash)
    name = _agrees(kept.name_hash, shown.name_hash)
    store = shown.store_id is not None and shown.store_id == kept.last_store_id
    given = [(shown.phone_hash, phone), (shown.pin_hash, pin), (shown.name_hash, name and store)]
    return shown.is_enough_to_ask and all(agrees for value, agrees in given if value)


def _agrees(kept: str, shown: str) -> bool:
    return hmac.compare_digest(kept, shown) and bool(kept)


def normalise_name(name: str) -> str:
    """A person's name as it is hashed: compatibility forms folded, all spaces and middle dots dropped, lower case."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return "".join(letter for letter in folded if not letter.isspace() and letter not in "·•‧・.")


def normalise_pin(pin: str) -> str:
    """A PIN as it is hashed: full-width forms folded, spaces dropped."""
    return "".join(unicodedata.normalize("NFKC", pin).split())
