"""Benefits that were won and ask something: written with their spins, taken once, or back where they came from."""

from models.sql import Both, of_rows
from models.statements.draws import THEIRS
from models.statements.offers import STOPPED

ADD = of_rows(
    """
    INSERT INTO due_prize (id, created_at, spin_id, draw_id, member_id, offer_id, code, name, state, deadline_at)
    SELECT r.id, $2, r.spin_id, r.draw_id, r.member_id, r.offer_id, r.code, r.name, 'waiting', r.deadline_at
    FROM {rows} WHERE true RETURNING id
    """,
    {
        "id": "uuid",
        "spin_id": "uuid",
        "draw_id": "uuid",
        "member_id": "uuid",
        "offer_id": "uuid",
        "code": "text",
        "name": "text",
        "deadline_at": "timestamptz",
    },
)
# How many of an offer are promised and not yet given.
PROMISED = "SELECT COUNT(*) AS number FROM due_prize WHERE offer_id = $1 AND state = 'waiting'"

_COLUMNS = "SELECT id, draw_id, member_id, offer_id, code, name, state, deadline_at, claim_id FROM due_prize "
ONE = _COLUMNS + "WHERE id = $1"
LOCKED = Both(postgres=ONE + " FOR UPDATE", sqlite=ONE)
# What a member ($2, of any time) won, the newest first; before $1 where there is one, $3 at most.
_OWN = _COLUMNS + "WHERE ({before} IS NULL OR id < {before}) AND member_id {theirs} ORDER BY id DESC LIMIT $3"
OWN = Both(
    postgres=_OWN.format(before="CAST($1 AS uuid)", theirs=f"= ANY(ARRAY{THEIRS})"),
    sqlite=_OWN.format(before="$1", theirs=f"IN {THEIRS}"),
)

TAKE = """
    UPDATE due_prize SET state = 'taken', claim_id = $2 WHERE id = $1 AND state = 'waiting' AND deadline_at > $3
    RETURNING id
"""
# The claim ($1) came to nothing: it waits again, at least until $2, of which its winner has not been reminded.
REOPEN = """
    UPDATE due_prize SET state = 'waiting', reminded_at = NULL,
        deadline_at = CASE WHEN deadline_at < $2 THEN $2 ELSE deadline_at END
    WHERE claim_id = $1 AND state = 'taken' RETURNING id, member_id
"""

# What nobody can have at present: the offer or what is behind it has been stopped by whoever runs it.
STOPPED_THERE = f"""
    EXISTS (SELECT 1 FROM offer o JOIN benefit b ON b.id = o.benefit_id LEFT JOIN merchant m ON m.id = b.merchant_id
    WHERE o.id = due_prize.offer_id AND (o.state = 'paused' OR {STOPPED}))
"""  # noqa: S608 - our own words
# Of what is stopped no deadline ($1: none that is nearer) comes nearer than $2.
PUT_OFF = f"""
    UPDATE due_prize SET deadline_at = $2 WHERE state = 'waiting' AND deadline_at < $1 AND {STOPPED_THERE} RETURNING id
"""  # noqa: S608 - our own words
LAPSING = (
    "SELECT id, draw_id FROM due_prize WHERE state = 'waiting' AND deadline_at <= $1 ORDER BY deadline_at, id LIMIT 200"
)
LAPSE = f"""
    UPDATE due_prize SET state = 'lapsed' WHERE id = $1 AND state = 'waiting' AND deadline_at <= $2
    AND NOT {STOPPED_THERE} RETURNING id, draw_id, code, member_id, name
"""  # noqa: S608 - our own words
