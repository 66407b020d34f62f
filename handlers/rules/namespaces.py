"""The registry of namespaces: what each kind of identifier is worth. The defaults; `Registry` holds what may be set.

Cards are not here: they stand in a table of their own and are proven one by one (`handlers/cards/card_binding.py`),
which is how a card number may join people at all.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import MappingProxyType
from typing import NamedTuple

from models.words import Namespace


class Key(NamedTuple):
    """An identifier without its owner: what it is, where it is valid, and the keyed hash of its value."""

    namespace: Namespace
    scope: str
    value_hash: str


@dataclass(frozen=True, slots=True)
class NamespaceRule:
    """What identifiers of one namespace may do."""

    priority: int  # the lower, the stronger: its owner acts when facts point to several people; no two are equal
    limit: int | None = 1  # values of one member in one scope (`is_per_scope`), or in all; None: any number
    is_per_scope: bool = True
    is_exclusive: bool = True  # one owner; what somebody else has is refused and recorded, and vetoes a merge
    identifies: bool = True  # its owner is meant by it; without, it is kept beside a person and finds nobody
    is_anchor: bool = False  # belongs to one user of its platform for good; a phone number moves on to the next holder
    has_block_list: bool = True  # some values belong to nobody: a store's phone, zeros; WeChat's own are never such
    may_create: bool = True  # somebody with nothing else is a member
    may_merge: bool = False  # two anchored members sharing this are one person
    proof_lasts: timedelta | None = None  # how old a proof may be when it is used
    dormant_after: timedelta | None = None  # an owner not seen for so long is not meant by this alone
    expires_after: timedelta | None = None  # not seen for so long, it is history


# Carriers freeze a number for about 90 days before somebody else gets it: twice that is past doubt.
_PHONE = NamespaceRule(priority=8, proof_lasts=timedelta(minutes=10), dormant_after=timedelta(days=180))
# What a family or an office shares says nothing of who somebody is.
_SHARED = NamespaceRule(
    priority=0,
    limit=5,
    is_per_scope=False,
    is_exclusive=False,
    identifies=False,
    may_create=False,
    expires_after=timedelta(days=30),
)

RULES: Mapping[Namespace, NamespaceRule] = MappingProxyType(
    {
        Namespace.WX_UNIONID: NamespaceRule(priority=1, is_anchor=True, has_block_list=False, may_merge=True),
        Namespace.WX_OPENID: NamespaceRule(
            priority=2, is_anchor=True, has_block_list=False
        ),  # two become one through the unionid alone
        Namespace.TMALL_OMID: NamespaceRule(priority=3, is_anchor=True, may_merge=True),
        Namespace.TMALL_OUID: NamespaceRule(priority=4, is_anchor=True, may_merge=True),
        Namespace.DOUYIN: NamespaceRule(priority=5, is_anchor=True, may_merge=True),
        Namespace.JD: NamespaceRule(priority=6, is_anchor=True, may_merge=True),
        Namespace.YOUZAN: NamespaceRule(priority=7, is_anchor=True, may_merge=True),
        Namespace.PHONE: _PHONE,
        Namespace.POS_MEMBER: NamespaceRule(priority=9, limit=None),
        Namespace.ERP_ID: NamespaceRule(priority=10, limit=None),
        Namespace.DEVICE: replace(_SHARED, priority=11),
        Namespace.COOKIE: replace(_SHARED, priority=12),
    }
)


# What systems write where they know nothing; a till's "0000" is not somebody.
_NOTHING = frozenset({"null", "none", "nil", "nan", "undefined", "unknown", "anonymous", "guest", "test", "-1", "n/a"})


def is_nobodys(value: str) -> bool:
    """Whether a value means nobody: empty, one character over and over, or a word for nothing. Phones: `phones.py`."""
    bare = value.strip().casefold()
    return len(set(bare.replace("-", "").replace(" ", ""))) < 2 or bare in _NOTHING


@dataclass(frozen=True, slots=True)
class Registry:
    """The rules, and how much one person is: beyond it, somebody is feeding us, and people decide."""

    rules: Mapping[Namespace, NamespaceRule] = field(default_factory=lambda: RULES)
    merges_a_day: int = 3  # the budget: more than one person's channels are ever joined in a day
    identifiers_of_one: int = 20  # the fuse: exclusive identifiers of one member

    def __getitem__(self, namespace: Namespace) -> NamespaceRule:
        """The rule of a namespace."""
        return self.rules[namespace]

    def place(self, key: Key) -> tuple[Namespace, str]:
        """Where values of one member are counted against the limit."""
        return key.namespace, key.scope if self[key.namespace].is_per_scope else ""

    def fits(self, key: Key, beside: Iterable[Key]) -> bool:
        """Whether a member who has these may have one more."""
        limit, place = self[key.namespace].limit, self.place(key)
        return limit is None or sum(self.place(each) == place for each in beside) < limit

    def overfull(self, keys: Iterable[Key]) -> frozenset[Namespace]:
        """Exclusive namespaces of which one person may not have all of these: they are different people."""
        counts = Counter(self.place(key) for key in set(keys) if self[key.namespace].is_exclusive)
        limits = {place: self[place[0]].limit for place in counts}
        return frozenset(place[0] for place, limit in limits.items() if limit is not None and counts[place] > limit)

    def is_exclusive(self, key: Key) -> bool:
        """Whether this counts for the fuse."""
        return self[key.namespace].is_exclusive


REGISTRY = Registry()


def registry(*, merges_a_day: int, identifiers_of_one: int, phone_dormant_after: timedelta) -> Registry:
    """The registry with an installation's own measure."""
    phone = replace(RULES[Namespace.PHONE], dormant_after=phone_dormant_after)
    return Registry({**RULES, Namespace.PHONE: phone}, merges_a_day, identifiers_of_one)
