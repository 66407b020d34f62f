"""The life of a card number, as a fixed graph."""

from models.words import CardStatus

MOVES = frozenset(
    {
        (CardStatus.UNBOUND, CardStatus.BOUND),
        (CardStatus.UNBOUND, CardStatus.LOST),  # reported before anybody bound it
        (CardStatus.BOUND, CardStatus.UNBOUND),
        (CardStatus.BOUND, CardStatus.LOST),
        (CardStatus.BOUND, CardStatus.REPLACED),
        (CardStatus.LOST, CardStatus.BOUND),  # found again, at the service desk
        (CardStatus.LOST, CardStatus.UNBOUND),  # found again, and nobody had bound it
        (CardStatus.LOST, CardStatus.REPLACED),
    }
)


def sources(target: CardStatus) -> frozenset[CardStatus]:
    """The states from which a card may come to `target`; nothing leaves `replaced`."""
    return frozenset(before for before, after in MOVES if after is target)
