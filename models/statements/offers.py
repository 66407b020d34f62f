"""Set-based SQL of offers: what is published, who asks, and the counters."""

from models.sql import Both

# --- what is published

# What gives nothing at present: the benefit `b`, its merchant `m` or its supplier was stopped by whoever runs it.
STOPPED = """
    (b.is_paused OR NOT COALESCE(m.is_active, true) OR (b.kind = 'top_up' AND EXISTS (
        SELECT 1 FROM supplier s WHERE s.code = b.terms ->> 'supplier' AND s.is_paused
    )))
"""
_OFFER = f"""
    SELECT o.id, o.code, o.keyword, o.benefit_id, o.organization_id, o.version, o.state,
        b.code AS benefit_code, b.name AS benefit_name, b.kind, CAST(b.terms AS TEXT) AS benefit_terms,
        b.merchant_id, b.state AS benefit_state, b.description, b.category,
        CASE WHEN {STOPPED} THEN 1 ELSE 0 END AS is_paused, m.name AS merchant_name
    FROM offer o JOIN benefit b ON b.id = o.benefit_id LEFT JOIN merchant m ON m.id = b.merchant_id
"""  # noqa: S608 - our own words
_OF_THESE = "IN (SELECT value FROM json_each($1))"
PUBLISHED = Both(
    postgres=_OFFER + "WHERE o.version > 0 AND o.id = ANY($1::uuid[])",
    sqlite=_OFFER + "WHERE o.version > 0 AND o.id " + _OF_THESE,
)
# What can be seen; the end of the window is weighed by whoever reads. $1 is now.
SHOWN = _OFFER + "WHERE o.state IN ('published', 'paused') AND (o.closes_at IS NULL OR o.closes_at > $1) ORDER BY o.id"

# Terms of versions, which never change; read once per process. $1: `{offer id}:{number}`.
_TERMS = """
    SELECT v.offer_id, v.number, CAST(v.terms AS TEXT) AS terms FROM offer_version v JOIN {asked}
    ON v.offer_id = {offer} AND v.number = {number}
"""
TERMS = Both(
    postgres=_TERMS.format(
        asked="unnest($1::text[]) AS a(value)",
        offer="CAST(split_part(a.value, ':', 1) AS uuid)",
        number="CAST(split_part(a.value, ':', 2) AS int)",
    ),
    sqlite=_TERMS.format(
        asked="json_each($1) a", offer="substr(a.value, 1, 36)", number="CAST(substr(a.value, 38) AS INTEGER)"
    ),
)

# --- who asks

# Everybody sees what is the root's; whoever has a city, what is the city's and everything's above it.
_ASKERS = """
    SELECT m.id AS asked, c.id, c.joined_at, c.status,
        (SELECT {ids} FROM member i WHERE i.canonical_id = c.id) AS merged,
        (SELECT {codes} FROM card d JOIN card_kind k ON k.id = d.kind_id
         WHERE (d.status = 'bound') IS TRUE AND d.member_id {theirs}) AS card_kinds,
        (SELECT {levels} FROM ladder_level l JOIN level_ladder n ON n.id = l.ladder_id
         JOIN programme p ON p.id = n.programme_id AND p.code = 'main'
         LEFT JOIN member_level s ON s.member_id = c.id AND s.programme_id = p.id
         LEFT JOIN ladder_level h ON h.ladder_id = n.id AND h.code = s.code
         WHERE n.number = (SELECT MAX(o.number) FROM level_ladder o WHERE o.programme_id = p.id)
         AND c.joined_at IS NOT NULL AND CASE WHEN s.id IS NULL THEN l.threshold = 0 ELSE l.rank <= h.rank END
        ) AS levels,
        (WITH RECURSIVE up AS (
            SELECT o.id, o.parent_id FROM organization o WHERE o.id = c.organization_id OR o.parent_id IS NULL
            UNION SELECT o.id, o.parent_id FROM organization o JOIN up ON o.id = up.parent_id)
         SELECT {path} FROM up) AS path
    FROM member m JOIN member c ON c.id = COALESCE(m.canonical_id, m.id) WHERE m.id {these}
"""
ASKERS = Both(
    postgres=_ASKERS.format(
        ids="string_agg(i.id::text, ' ')",
        codes="string_agg(k.code, ' ')",
        levels="string_agg(lpad(l.rank::text, 3, '0') || ':' || l.code, ' ')",
        theirs="= ANY(ARRAY(SELECT c.id UNION ALL SELECT i.id FROM member i WHERE i.canonical_id = c.id))",
        path="string_agg(up.id::text, ' ')",
        these="= ANY($1::uuid[])",
    ),
    sqlite=_ASKERS.format(
        ids="group_concat(i.id, ' ')",
        codes="group_concat(k.code, ' ')",
        levels="group_concat(printf('%03d:%s', l.rank, l.code), ' ')",
        theirs="IN (SELECT c.id UNION ALL SELECT i.id FROM member i WHERE i.canonical_id = c.id)",
        path="group_concat(up.id, ' ')",
        these=_OF_THESE,
    ),
)

# --- counters

# The first claim of a day or a wave brings its counter, and the record that it was filled. $1: rows as JSON, $2: now.
_KEEP = """
    INSERT INTO offer_stock (id, created_at, offer_id, bucket, added_count, left_count, taken_count)
    SELECT k.id, $2, k.offer_id, k.bucket, k.count, k.count, 0 FROM {rows} WHERE true
    ON CONFLICT (offer_id, bucket) DO NOTHING RETURNING id
"""
_CHANGES = """
    INSERT INTO stock_change (id, created_at, offer_id, bucket, delta, reason, operator_id, approved_by_id)
    SELECT k.id, $2, k.offer_id, k.bucket, k.count, k.reason, k.operator_id, k.approved_by_id FROM {rows}
    WHERE true RETURNING id
"""
_PG_ROWS = """jsonb_to_recordset($1::jsonb) AS k(id uuid, offer_id uuid, bucket text, count int, reason text,
    operator_id uuid, approved_by_id uuid)"""
_ROW = ("id", "offer_id", "bucket", "count", "reason", "operator_id", "approved_by_id")
_SQLITE_ROWS = f"(SELECT {', '.join(f'value ->> {name!r} AS {name}' for name in _ROW)} FROM json_each($1)) AS k"  # noqa: S608
KEEP_BUCKETS = Both(postgres=_KEEP.format(rows=_PG_ROWS), sqlite=_KEEP.format(rows=_SQLITE_ROWS))
ADD_CHANGES = Both(postgres=_CHANGES.format(rows=_PG_ROWS), sqlite=_CHANGES.format(rows=_SQLITE_ROWS))
# Added units move added and left together; whoever would pass zero, or more than a counter holds, gets no row back.
CHANGE_STOCK = """
    UPDATE offer_stock SET added_count = added_count + $3, left_count = left_count + $3
    WHERE offer_id = $1 AND bucket = $2 AND CAST(left_count AS BIGINT) + $3 >= 0
        AND CAST(added_count AS BIGINT) + $3 <= 2147483647
    RETURNING added_count, left_count, taken_count
"""
_STOCK = "SELECT added_count, left_count, taken_count FROM offer_stock WHERE offer_id = $1 AND bucket = $2"
LOCK_STOCK = Both(postgres=_STOCK + " FOR NO KEY UPDATE", sqlite=_STOCK)
# What was added with a second operator's consent: up to the last such change, or else what the counter began with.
APPROVED_COUNT = """
    SELECT COALESCE(sum(c.delta), 0) AS approved FROM stock_change c WHERE c.offer_id = $1 AND c.bucket = $2
    AND c.id <= COALESCE(
        (SELECT a.id FROM stock_change a WHERE a.offer_id = $1 AND a.bucket = $2 AND a.approved_by_id IS NOT NULL
         ORDER BY a.id DESC LIMIT 1),
        (SELECT f.id FROM stock_change f WHERE f.offer_id = $1 AND f.bucket = $2 ORDER BY f.id LIMIT 1))
"""
# Whether the second organization is above the first one.
ABOVE = """
    WITH RECURSIVE up AS (
        SELECT id, parent_id FROM organization WHERE id = $1
        UNION SELECT o.id, o.parent_id FROM organization o JOIN up ON o.id = up.parent_id)
    SELECT CAST(id AS TEXT) AS id FROM up
"""

# --- what operators do: whoever gets no row back came too late, and reads why

_MOVE = "UPDATE offer SET state = $2 WHERE id = $1 AND state {from_} RETURNING id"
PAUSE = _MOVE.format(from_="= 'published'")
RESUME = _MOVE.format(from_="= 'paused'")
END = _MOVE.format(from_="IN ('draft', 'published', 'paused')")
PUBLISH = """
    UPDATE offer SET version = version + 1, state = CASE WHEN state = 'draft' THEN 'published' ELSE state END,
        opens_at = $3, closes_at = $4
    WHERE id = $1 AND version = $2 AND state <> 'ended' RETURNING version, state
"""
KEEP_OFFER = """
    INSERT INTO offer (id, created_at, benefit_id, organization_id, code, keyword, state, version, terms)
    VALUES ($1, $2, $3, $4, $5, $6, 'draft', 0, $7) ON CONFLICT (code) DO NOTHING RETURNING id
"""

# --- the catalogue: $1 `{offer id}/{counter}`

_LEFT = (
    "SELECT s.offer_id, s.bucket, s.left_count FROM {asked} JOIN offer_stock s ON s.offer_id = {offer} AND s.bucket = "
)
LEFT = Both(
    postgres=_LEFT.format(asked="unnest($1::text[]) AS a(value)", offer="CAST(split_part(a.value, '/', 1) AS uuid)")
    + "split_part(a.value, '/', 2)",
    sqlite=_LEFT.format(asked="json_each($1) a", offer="substr(a.value, 1, 36)") + "substr(a.value, 38)",
)
# How often these ids ($1, one person's) had each of these offers ($2) within these periods ($3).
_HAD = """
    SELECT s.offer_id, s.period, count(*) AS had FROM claim_slot s
    WHERE s.member_id {} AND s.offer_id {} AND s.period {} GROUP BY s.offer_id, s.period
"""
HAD = Both(
    postgres=_HAD.format("= ANY($1::uuid[])", "= ANY($2::uuid[])", "= ANY($3::text[])"),
    sqlite=_HAD.format(*(_OF_THESE.replace("$1", number) for number in ("$1", "$2", "$3"))),
)
