"""The chain over the audit entries: what is not sealed yet, and the chain in order."""

from models.sql import Both

_ENTRY = """
    a.id, a.created_at, a.actor_kind, a.actor_id, a.organization_id, a.action, a.subject_kind, a.subject_id, a.facts,
    a.happened_at
"""

# The head is one row, its id fixed; whoever holds its lock extends the chain.
PLANT_HEAD = """
    INSERT INTO audit_head (id, created_at, sequence, hash, mark) VALUES ($1, $2, 0, $3, $4)
    ON CONFLICT (id) DO NOTHING RETURNING id
"""
_HEAD = "SELECT sequence, hash, mark FROM audit_head WHERE id = $1"
HEAD = _HEAD
LOCK_HEAD = Both(postgres=_HEAD + " FOR UPDATE", sqlite=_HEAD)
MOVE_HEAD = """
    UPDATE audit_head SET sequence = $3, hash = $4, mark = $5 WHERE id = $1 AND sequence = $2 RETURNING id
"""

LAST_SEAL = "SELECT sequence, hash, entry_id FROM audit_seal ORDER BY sequence DESC LIMIT 1"

# $1: an id well before that of the newest sealed entry; a transaction that began earlier has ended long ago.
UNSEALED = f"""
    SELECT {_ENTRY} FROM audit_entry a
    WHERE a.id > $1 AND NOT EXISTS (SELECT 1 FROM audit_seal s WHERE s.entry_id = a.id) ORDER BY a.id LIMIT $2
"""  # noqa: S608 - no outside input in it

FORGOTTEN = """
    SELECT a.id FROM audit_entry a
    WHERE a.created_at < $1 AND NOT EXISTS (SELECT 1 FROM audit_seal s WHERE s.entry_id = a.id) ORDER BY a.id LIMIT 5
"""

CHAIN = f"""
    SELECT s.sequence, s.hash, s.entry_id, {_ENTRY} FROM audit_seal s LEFT JOIN audit_entry a ON a.id = s.entry_id
    WHERE s.sequence > $1 ORDER BY s.sequence LIMIT $2
"""  # noqa: S608

ACTED = 'SELECT 1 AS one FROM "operator" LIMIT 1'
