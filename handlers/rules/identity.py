"""Who is meant by a set of proven identifiers: one pure decision, the same for any order of conflict-free facts.

Exclusive identifiers veto: nobody ever holds more values than their namespace allows (`namespaces.py`), and one that
belongs to somebody else is never moved silently; it is named in `refused`, which the caller records as a conflict.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from handlers.rules.namespaces import REGISTRY, Key, Registry
from models.words import Namespace

__all__ = ["Candidate", "Decision", "Key", "contested", "decide", "is_too_much", "survivors"]


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
        """Whether they have something that is theirs for good."""
        return any(REGISTRY[key.namespace].is_anchor for key in self.held)


@dataclass(frozen=True, slots=True)
class Decision:
    """Who acts (None: a new member), who turned out to be the same person, what is added, what is refused.

    `fused` are the same person by the facts, but too many for one: people decide. `is_nobody`: no member, and none is
    made of these facts.
    """

    acting: UUID | None
    absorbed: tuple[UUID, ...]
    attached: tuple[Key, ...]
    refused: tuple[Key, ...]
    fused: tuple[UUID, ...] = ()
    is_nobody: bool = False


def decide(
    facts: Iterable[Key],
    candidates: Sequence[Candidate],
    *,
    asking: UUID | None = None,
    registry: Registry = REGISTRY,
) -> Decision:
    """Resolve facts against the members that hold any of them; `asking` is the signed-in member, always a candidate."""
    ordered = sorted(set(facts), key=lambda key: (registry[key.namespace].priority, key))
    matching = _matching(ordered, candidates, asking, registry)
    if not matching and not any(registry[fact.namespace].may_create for fact in ordered):
        return Decision(None, (), (), (), is_nobody=True)
    group, fused = _one_person(ordered, matching, registry)
    held = frozenset[Key]().union(*(candidate.held for candidate in group))
    owned = {key for candidate in candidates for key in candidate.held}
    attached: list[Key] = []
    refused: list[Key] = []
    for fact in ordered:
        if fact in held:
            continue
        if fact not in owned and registry.fits(fact, (*held, *attached)):
            attached.append(fact)
        elif registry.is_exclusive(fact):  # what is shared is left where it is, and is nobody's conflict
            refused.append(fact)
    people = [candidate.member_id for candidate in sorted(group, key=_survival)]
    return Decision(
        acting=people[0] if people else None,
        absorbed=tuple(people[1:]),
        attached=tuple(attached),
        refused=tuple(refused),
        fused=tuple(candidate.member_id for candidate in fused),
    )


def _matching(
    facts: Sequence[Key], candidates: Sequence[Candidate], asking: UUID | None, registry: Registry
) -> list[Candidate]:
    """The people meant, strongest evidence first.

    A phone number whose owner has WeChat anchors does not mean that owner when somebody with another anchor shows
    it: numbers are reissued (二次放号), and joining the two would hand one person's cards to another. Nor does it mean
    an owner who has nothing but the number and was not seen for 180 days.
    """
    matching = [candidate for candidate in candidates if candidate.member_id == asking]
    with_anchor = bool(matching) or any(registry[fact.namespace].is_anchor for fact in facts)
    for fact in facts:
        rule = registry[fact.namespace]
        for candidate in candidates if rule.identifies else ():
            if fact not in candidate.held or candidate in matching:
                continue
            is_asleep = rule.dormant_after is not None and candidate.is_dormant
            has_moved_on = with_anchor and (candidate.is_anchored or is_asleep)
            if rule.is_anchor or not has_moved_on:
                matching.append(candidate)
    return matching


def _one_person(
    facts: Sequence[Key], matching: Sequence[Candidate], registry: Registry
) -> tuple[list[Candidate], list[Candidate]]:
    """The strongest match with every further match that is provably the same person and contradicts nothing; and the
    matches that would be, if they were not too many."""
    group, fused = list(matching[:1]), list[Candidate]()
    links = any(registry[fact.namespace].may_merge for fact in facts)
    for candidate in matching[1:]:
        same_person = links or not candidate.is_anchored
        if same_person and _agree(facts, (*group, candidate), registry):
            (fused if is_too_much((*group, candidate), registry) else group).append(candidate)
    return group, fused


def is_too_much(people: Sequence[Candidate], registry: Registry = REGISTRY) -> bool:
    """Whether making these one would pass the merge budget of a day, or what one person holds."""
    merges = sum(person.merged_today for person in people) + len(people) - 1
    held = {key for person in people for key in person.held if registry.is_exclusive(key)}
    return merges > registry.merges_a_day or len(held) > registry.identifiers_of_one


def _agree(facts: Sequence[Key], people: Sequence[Candidate], registry: Registry) -> bool:
    """Nothing has more values among these people than one may have, with the facts that must be theirs to link them."""
    values = {key for person in people for key in person.held}
    values |= {fact for fact in facts if registry[fact.namespace].may_merge}
    return not registry.overfull(values)


def _survival(candidate: Candidate) -> tuple[bool, bool, UUID]:
    """Total order of survivors: joined first, then with a unionid, then the older id (ids are time-ordered)."""
    has_unionid = any(key.namespace is Namespace.WX_UNIONID for key in candidate.held)
    return (not candidate.has_joined, not has_unionid, candidate.member_id)


def survivors(people: Iterable[Candidate]) -> list[UUID]:
    """The ids in order of survival; the first one stays when all of them turn out to be one person."""
    return [person.member_id for person in sorted(people, key=_survival)]


def contested(people: Iterable[Candidate], registry: Registry = REGISTRY) -> tuple[Namespace, ...]:
    """Namespaces of which these people hold more than one may: as one person they would break the veto."""
    return tuple(sorted(registry.overfull(key for person in people for key in person.held)))
