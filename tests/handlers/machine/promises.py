"""What holds after every step, whatever happened."""

from hypothesis.stateful import invariant

from models.cards import Card
from models.database import rows
from models.sql import Both
from models.statements import invariants
from models.words import CardStatus
from tests.handlers.machine.leaving import LeavingSteps

# Each finds the rows that break a promise.
PROMISES = {
    "every active identifier has one owner": """
        SELECT value_hash FROM identifier WHERE status = 'active'
        GROUP BY namespace, scope, value_hash HAVING count(*) > 1
    """,
    "nobody has two of one kind in one place": """
        SELECT member_id FROM identifier WHERE status = 'active'
        GROUP BY member_id, namespace, scope HAVING count(*) > 1
    """,
    "whoever has an identifier may act": """
        SELECT i.id FROM identifier i JOIN member m ON m.id = i.member_id
        WHERE i.status = 'active' AND m.status <> 'active'
    """,
    "every bound number has one owner": """
        SELECT number_hash FROM bound_number WHERE status = 'active' GROUP BY number_hash HAVING count(*) > 1
    """,
    "whoever has a bound number may act": """
        SELECT b.id FROM bound_number b JOIN member m ON m.id = b.member_id
        WHERE b.status = 'active' AND m.status <> 'active'
    """,
    "merges and merged members are the same": """
        SELECT id FROM member WHERE canonical_id IS NOT NULL AND id NOT IN (SELECT loser_id FROM member_merge)
        UNION ALL SELECT loser_id FROM member_merge WHERE loser_id IN (SELECT id FROM member WHERE canonical_id IS NULL)
    """,
    "one hop leads to today's row": """
        SELECT l.id FROM member l JOIN member w ON w.id = l.canonical_id WHERE w.canonical_id IS NOT NULL
    """,
    "a bound card has a holder who may act, and no other card has one": """
        SELECT c.id FROM card c LEFT JOIN member m ON m.id = c.member_id
        LEFT JOIN member h ON h.id = COALESCE(m.canonical_id, m.id)
        WHERE (c.status = 'bound') <> (c.member_id IS NOT NULL) OR (c.member_id IS NOT NULL AND h.status <> 'active')
    """,
    "a number of a kind is one card": """
        SELECT number_hash FROM card GROUP BY kind_id, number_hash HAVING count(*) > 1
    """,
    "one card of a kind is shown": """
        SELECT member_id FROM card WHERE is_primary GROUP BY member_id, kind_id HAVING count(*) > 1
    """,
    "every transfer is in both histories": """
        SELECT t.id FROM phone_transfer t WHERE
        (SELECT count(*) FROM identity_event e WHERE e.act = 'transfer' AND e.happened_at = t.transferred_at
         AND ((e.member_id = t.from_member_id AND e.other_member_id = t.to_member_id)
              OR (e.member_id = t.to_member_id AND e.other_member_id = t.from_member_id))) < 2
    """,
}


# In one statement: the numbers of those that are broken.
BROKEN = " UNION ALL ".join(
    f"SELECT {number} AS promise WHERE EXISTS ({sql})" for number, sql in enumerate(PROMISES.values())
)


def _of_doctor(dialect: str) -> str:
    rules = [each.sql if isinstance(each.sql, str) else getattr(each.sql, dialect) for each in invariants.CHECKS]
    return " UNION ALL ".join(f"SELECT {number} AS rule WHERE EXISTS ({sql})" for number, sql in enumerate(rules))


OF_DOCTOR = Both(postgres=_of_doctor("postgres"), sqlite=_of_doctor("sqlite"))


class WhoIsWho(LeavingSteps):
    """All steps, and the promises."""

    @invariant()
    def every_promise_is_kept(self):
        async def check():
            assert [list(PROMISES)[each["promise"]] for each in await rows(BROKEN)] == []

        self.do(check())

    @invariant()
    def the_rules_of_doctor_hold(self):
        async def check():
            assert [invariants.CHECKS[each["rule"]].what for each in await rows(OF_DOCTOR)] == []

        self.do(check())

    @invariant()
    def a_card_is_whose_it_was_proven_to_be(self):
        async def check():
            found = {card.id: card for card in await Card.filter(id__in=list(self.holders))}
            assert {card_id: card.member_id for card_id, card in found.items()} == self.holders
            for card in found.values():
                assert (card.status is CardStatus.BOUND) == (card.member_id is not None)

        self.do(check())
