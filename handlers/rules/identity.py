"""Who is meant by a set of proven identifiers: one pure decision, the same for any order of conflict-free facts.

Exclusive identifiers veto: nobody ever holds two different values of one (namespace, scope), and an identifier that
belongs to somebody else is never moved silently; it is named in `refused`, which the caller records as a conflict.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from models.words import Namespace


class Key(NamedTuple):
    """An identifier without its owner: what it is, where it is valid, and the keyed hash of its value."""

    namespace: Namespace
    scope: str
    value_hash: str


@dataclass(frozen=True, slots=True)
class NamespaceRule:
    """What a namespace may do. All three are exclusive and hold one value per scope and member."""

    priority: int  # the lower, the stronger: its owner acts when facts point to several people
    is_anchor: bool  # belongs to one WeChat user for good; a phone number moves on to the next holder
    may_merge: bool  # two anchored members sharing this are one person


RULES = {
    Namespace.WX_UNIONID: NamespaceRule(priority=1, is_anchor=True, may_merge=True),
    Namespace.WX_OPENID: NamespaceRule(priority=2, is_anchor=True, may_merge=False),
    Namespace.PHONE: NamespaceRule(priority=3, is_anchor=False, may_merge=False),
}


MERGES_A_DAY = 3  # more than one person's channels are ever joined in a day: somebody is feeding us
IDENTIFIERS_OF_ONE = 20


@dataclass(frozen=True, slots=True)
class Candidate:
    """A member that holds at least one of the facts, with everything else they hold."""

    member_id: UUID
    has_joined: bool
    held: frozenset[Key]
    merged_today: int = 0  # members that became one with this one in the last 24 hours
    is_dormant: bool = False  # nothing of theirs was seen for 180 days

    @property
    def is_anchored(self) -> bool:
        return any(RULES[key.namespace].is_anchor for key in self.held)


@dataclass(frozen=True, slots=True)
class Decision:
    """Who acts (None: a new member), who turned out to be the same person, what is added, what is refused.

    `fused` are the same person by the facts, but too many for one: people decide.
    """

    acting: UUID | None
    absorbed: tuple[UUID, ...]
    attached: tuple[Key, ...]
    refused: tuple[Key, ...]
    fused: tuple[UUID, ...] = ()


def decide(facts: Iterable[Key], candidates: Sequence[Candidate], *, asking: UUID | None = None) -> Decision:
    """Resolve facts against the members that hold any of them; `asking` is the signed-in member, always a candidate."""
    ordered = sorted(set(facts), key=lambda key: (RULES[key.namespace].priority, key))
    matching = _matching(ordered, candidates, asking)
    group, fused = _one_person(ordered, matching)
    held = frozenset[Key]().union(*(candidate.held for candidate in group))
    owned = {key for candidate in candidates for key in candidate.held}
    attached: list[Key] = []
    refused: list[Key] = []
    for fact in ordered:
        if fact in held:
            continue
        taken = {(key.namespace, key.scope) for key in (*held, *attached)}
        fits = fact not in owned and (fact.namespace, fact.scope) not in taken
        (attached if fits else refused).append(fact)
    people = [candidate.member_id for candidate in sorted(group, key=_survival)]
    return Decision(
        acting=people[0] if people else None,
        absorbed=tuple(people[1:]),
        attached=tuple(attached),
        refused=tuple(refused),
        fused=tuple(candidate.member_id for candidate in fused),
    )


def _matching(facts: Sequence[Key], candidates: Sequence[Candidate], asking: UUID | None) -> list[Candidate]:
    """The people meant, strongest evidence first.

    A phone number whose owner has WeChat anchors does not mean that owner when somebody with another anchor shows
    it: numbers are reissued (二次放号), and joining the two would hand one person's cards to another. Nor does it mean
    an owner who has nothing but the number and was not seen for 180 days.
    """
    matching = [candidate for candidate in candidates if candidate.member_id == asking]
    with_anchor = bool(matching) or any(RULES[fact.namespace].is_anchor for fact in facts)
    for fact in facts:
        for candidate in candidates:
            if fact not in candidate.held or candidate in matching:
                continue
            has_moved_on = with_anchor and (candidate.is_anchored or candidate.is_dormant)
            if RULES[fact.namespace].is_anchor or not has_moved_on:
                matching.append(candidate)
    return matching


def _one_person(facts: Sequence[Key], matching: Sequence[Candidate]) -> tuple[list[Candidate], list[Candidate]]:
    """The strongest match with every further match that is provably the same person and contradicts nothing; and the
    matches that would be, if they were not too many."""
    group, fused = list(matching[:1]), list[Candidate]()
    links = any(RULES[fact.namespace].may_merge for fact in facts)
    for candidate in matching[1:]:
        same_person = links or not candidate.is_anchored
        if same_person and _agree(facts, (*group, candidate)):
            (fused if is_too_much((*group, candidate)) else group).append(candidate)
    return group, fused


def is_too_much(people: Sequence[Candidate]) -> bool:
    """Whether making these one would pass the merge budget of a day, or what one person holds."""
    merges = sum(person.merged_today for person in people) + len(people) - 1
    held = frozenset[Key]().union(*(person.held for person in people))
    return merges > MERGES_A_DAY or len(held) > IDENTIFIERS_OF_ONE


def _agree(facts: Sequence[Key], people: Sequence[Candidate]) -> bool:
    """No (namespace, scope) has two values among these people, nor against a fact that must be theirs to link them."""
    values = {key for person in people for key in person.held}
    values |= {fact for fact in facts if RULES[fact.namespace].may_merge}
    return len({(key.namespace, key.scope) for key in values}) == len(values)


def _survival(candidate: Candidate) -> tuple[bool, bool, UUID]:
    """Total order of survivors: joined first, then with a unionid, then the older id (ids are time-ordered)."""
    has_unionid = any(key.namespace is Namespace.WX_UNIONID for key in candidate.held)
    return (not candidate.has_joined, not has_unionid, candidate.member_id)


def survivors(people: Iterable[Candidate]) -> list[UUID]:
    """The ids in order of survival; the first one stays when all of them turn out to be one person."""
    return [person.member_id for person in sorted(people, key=_survival)]


def contested(people: Iterable[Candidate]) -> tuple[Namespace, ...]:
    """Namespaces of which these people hold two values in one scope: as one person they would break the veto."""
    values = {key for person in people for key in person.held}
    places = [(key.namespace, key.scope) for key in values]
    return tuple(sorted({namespace for namespace, scope in places if places.count((namespace, scope)) > 1}))
