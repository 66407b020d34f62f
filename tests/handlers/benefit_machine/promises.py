"""What holds after every step, whatever happened: the model, the rules that `doctor` runs, and some of its own."""

from hypothesis.stateful import invariant

from models.benefits import OfferStock
from models.claims import Claim
from models.database import row, rows
from models.operators import AuditEntry
from models.requests import Request
from models.statements import invariants
from tests.handlers.benefit_machine.desk import DeskSteps
from tests.handlers.machine.promises import OF_DOCTOR

# Each finds the rows that break a promise. Rules for what else may happen to a claim are added here.
PROMISES = {
    "every redemption and every reversal tells its member, once": """
        SELECT r.id FROM redemption r LEFT JOIN job j
        ON j.key = (CASE r.kind WHEN 'redeem' THEN 'redeemed:' ELSE 'reversed:' END) || CAST(r.id AS TEXT)
        GROUP BY r.id HAVING count(j.id) <> 1
    """,
    "nobody is told of what did not happen": """
        SELECT j.id FROM job j WHERE j.kind IN ('say_redeemed', 'say_reversed')
        AND NOT EXISTS (SELECT 1 FROM redemption r WHERE j.key IN
            ('redeemed:' || CAST(r.id AS TEXT), 'reversed:' || CAST(r.id AS TEXT)))
    """,
    "nothing is claimed without a slot": """
        SELECT c.id FROM claim c LEFT JOIN claim_slot s ON s.claim_id = c.id
        WHERE NOT EXISTS (SELECT 1 FROM fulfillment f WHERE f.claim_id = c.id AND f.state IN ('failed', 'cancelled'))
        GROUP BY c.id HAVING count(s.id) = 0
    """,
    "a successful scan is on record": """
        SELECT r.id FROM redemption r WHERE r.kind = 'redeem' AND r.mode = 'online' AND NOT EXISTS
            (SELECT 1 FROM redemption_attempt a WHERE a.claim_id = r.claim_id AND a.outcome = 'ok')
    """,
    "a scan without a network that counts has its redemption, and no other has": """
        SELECT s.id FROM offline_scan s WHERE (s.outcome = 'accepted') <> (s.redemption_id IS NOT NULL)
    """,
    "who voids tells the member, once": """
        SELECT e.id FROM claim_event e LEFT JOIN job j ON j.key = 'voided:' || CAST(e.claim_id AS TEXT)
        WHERE e.reason = 'voided' GROUP BY e.id HAVING count(j.id) <> 1
    """,
    "nobody holds more of a day than the day has": """
        SELECT s.id FROM offer_stock s WHERE s.left_count < 0 OR s.taken_count > s.added_count
    """,
}
BROKEN = " UNION ALL ".join(
    f"SELECT {number} AS promise WHERE EXISTS ({sql})" for number, sql in enumerate(PROMISES.values())
)


class Benefits(DeskSteps):
    """All steps, and the promises."""

    @invariant()
    def every_promise_is_kept(self):
        async def check():
            await self.everything_is_as_remembered()
            assert [list(PROMISES)[each["promise"]] for each in await rows(BROKEN)] == []
            assert [invariants.CHECKS[each["rule"]].what for each in await rows(OF_DOCTOR)] == []

        self.do(check())

    async def everything_is_as_remembered(self) -> None:
        """Every claim, counter, request and record of this run is what the model says: nothing lost, nothing twice."""
        ids = [offer.id for offer in self.offers]
        found = {
            each.id: (each.state.value, each.uses_left, each.uses_total, each.is_returned, each.expires_at)
            for each in await Claim.filter(offer_id__in=ids)
        }
        assert found == {
            each.id: (each.state, each.left, each.total, each.is_returned, each.expires_at)
            for each in self.held.values()
        }
        for stock in await OfferStock.filter(offer_id__in=ids):
            (offer,) = [each for each in self.offers if each.id == stock.offer_id]
            added = offer.added if stock.bucket == "total" else offer.daily
            assert (stock.added_count, stock.left_count) == (added, self.left_in(offer, stock.bucket))
        for offer in self.offers:
            told = await row("SELECT count(*) AS n FROM claim_slot WHERE offer_id = $1", offer.id)
            parts = sum(each.offer is offer and each.package is not None for each in self.held.values())
            assert told["n"] == parts + sum(len(each.slots) for each in self.held.values() if each.offer is offer)
        for member, answered in self.claim_keys.items():
            person = self.people[member]
            assert await Request.filter(operation="claim", actor_id=str(person.member_id)).count() == answered
        acts = AuditEntry.filter(subject_id__in=[str(each) for each in ids], action__startswith="offer.")
        assert await acts.count() == self.records
        await self.charges_are_as_remembered()
        done = {each.id: each.is_reversed for each in self.done}
        kept = await rows(
            "SELECT r.id, x.id AS reversal FROM redemption r LEFT JOIN redemption x ON x.reverses_id = r.id"
            " WHERE r.merchant_id = $1 AND r.kind = 'redeem'",
            self.clerk.merchant_id,
        )
        assert {str(each["id"]): each["reversal"] is not None for each in kept} == {
            str(each): is_reversed for each, is_reversed in done.items()
        }
