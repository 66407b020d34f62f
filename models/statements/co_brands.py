"""Co-branded membership: agreements and their sides, coming and joining, and what both sides are told."""

from models.sql import Both


def _both(sql: str) -> Both:
    """`{ids:1}` stands for "one of the ids in $1"."""
    return Both(
        postgres=sql.replace("{ids:1}", "= ANY($1::uuid[])"),
        sqlite=sql.replace("{ids:1}", "IN (SELECT value FROM json_each($1))"),
    )


# --- agreements

SAVE = """
    INSERT INTO co_brand (id, created_at, programme_id, code, state, name, partner_name, description,
        partner_organization_id, partner_merchant_id, channel_id, plan_id, plan_version, is_free, starts_at, ends_at)
    VALUES ($1, $2, $3, $4, 'draft', $5, $6, $7, $8, $9, $10, $11, 0, $12, $13, $14)
    ON CONFLICT (programme_id, code) DO UPDATE SET name = excluded.name, partner_name = excluded.partner_name,
        description = excluded.description, partner_organization_id = excluded.partner_organization_id,
        partner_merchant_id = excluded.partner_merchant_id, channel_id = excluded.channel_id,
        plan_id = excluded.plan_id, is_free = excluded.is_free, starts_at = excluded.starts_at,
        ends_at = excluded.ends_at
    WHERE co_brand.state = 'draft' RETURNING id
"""
# The code of a side stays what it was first.
SAVE_SIDE = """
    INSERT INTO co_brand_side (id, created_at, co_brand_id, party, code, picture, subsidy_fen, cap_fen, given_fen)
    VALUES ($1, $2, $3, $4, $5, '', $6, $7, 0)
    ON CONFLICT (co_brand_id, party) DO UPDATE SET subsidy_fen = excluded.subsidy_fen, cap_fen = excluded.cap_fen
    RETURNING id
"""
_AGREEMENT = """
    SELECT c.id, c.code, c.state, c.name, c.partner_name, c.description, c.partner_organization_id, c.channel_id,
        c.plan_id, c.plan_version, c.is_free, c.starts_at, c.ends_at, c.published_at, c.ended_at,
        m.code AS partner_merchant, h.code AS channel, p.organization_id AS place_id,
        COALESCE(c.partner_organization_id, m.organization_id) AS partner_place_id
    FROM co_brand c JOIN programme p ON p.id = c.programme_id
    LEFT JOIN merchant m ON m.id = c.partner_merchant_id LEFT JOIN channel h ON h.id = c.channel_id
"""
# Of the organizations in $1, of either side: the newest first, $2 before this one or null, $3 how many.
_SEEN = (
    _AGREEMENT
    + """
    WHERE (p.organization_id {ids:1} OR COALESCE(c.partner_organization_id, m.organization_id) {ids:1})
        AND ({before} IS NULL OR c.id < {before})
    ORDER BY c.id DESC LIMIT $3
"""
)
SEEN = Both(
    postgres=_both(_SEEN.replace("{before}", "CAST($2 AS uuid)")).postgres,
    sqlite=_both(_SEEN.replace("{before}", "$2")).sqlite,
)
ONE = _AGREEMENT + "WHERE c.id = $1"
# Joins hold it FOR SHARE: whoever ends it waits for them, and they for it.
LOCKED = Both(postgres=ONE + " FOR UPDATE OF c", sqlite=ONE)
PUBLISH = """
    UPDATE co_brand SET state = 'published', plan_version = $2, published_at = $3, published_by_id = $4
    WHERE id = $1 AND state = 'draft' RETURNING id
"""
END = "UPDATE co_brand SET state = 'ended', ended_at = $2 WHERE id = $1 AND state = 'published' RETURNING id"
SIDES = _both("""
    SELECT s.id, s.co_brand_id, s.party, s.code, s.subsidy_fen, s.cap_fen, s.given_fen,
        (SELECT COUNT(*) FROM co_brand_visit v WHERE v.side_id = s.id) AS visit_count,
        (SELECT COUNT(DISTINCT v.member_id) FROM co_brand_visit v WHERE v.side_id = s.id) AS visitor_count,
        (SELECT COUNT(*) FROM co_brand_membership j WHERE j.side_id = s.id) AS join_count
    FROM co_brand_side s WHERE s.co_brand_id {ids:1} ORDER BY s.co_brand_id, s.party
""")
ENTRIES = "SELECT id, party, code, picture FROM co_brand_side WHERE co_brand_id = $1 ORDER BY party"
KEEP_PICTURE = "UPDATE co_brand_side SET picture = $2 WHERE id = $1 AND picture = '' RETURNING id"

# --- coming and joining

# $1 id, $2 now, $3 a member of today, $4 the business day, $5 the code
_VISIT = """
    INSERT INTO co_brand_visit (id, created_at, side_id, member_id, business_on, visited_at)
    SELECT {id}, {now}, s.id, {member}, {day}, {now} FROM co_brand_side s JOIN co_brand c ON c.id = s.co_brand_id
    WHERE s.code = $5 AND c.state = 'published' AND c.starts_at <= {now} AND c.ends_at > {now}
    ON CONFLICT (side_id, member_id, business_on) DO NOTHING RETURNING id
"""
VISIT = Both(
    postgres=_VISIT.format(
        id="CAST($1 AS uuid)", now="CAST($2 AS timestamptz)", member="CAST($3 AS uuid)", day="CAST($4 AS text)"
    ),
    sqlite=_VISIT.format(id="$1", now="$2", member="$3", day="$4"),
)
# What a code ($1) leads to.
ENTRY = """
    SELECT s.id AS side_id, s.party, c.id, c.name, c.partner_name, c.description, c.state, c.plan_id, c.plan_version,
        c.is_free, c.starts_at, c.ends_at, CAST(v.terms AS TEXT) AS terms
    FROM co_brand_side s JOIN co_brand c ON c.id = s.co_brand_id
    JOIN membership_plan_version v ON v.plan_id = c.plan_id AND v.number = c.plan_version WHERE s.code = $1
"""
ENTRY_HELD = Both(postgres=ENTRY + " FOR SHARE OF c", sqlite=ENTRY)
# $1 ids of one person, $2 the agreement
FIRST_VISIT = _both("""
    SELECT v.side_id FROM co_brand_visit v JOIN co_brand_side s ON s.id = v.side_id
    WHERE v.member_id {ids:1} AND s.co_brand_id = $2 ORDER BY v.visited_at, v.id LIMIT 1
""")
JOINED = _both("SELECT id FROM co_brand_membership WHERE member_id {ids:1} AND co_brand_id = $2 LIMIT 1")
# What they ($1) bought of the plan ($2) since $3 and runs now ($4), and serves no agreement yet.
BOUGHT = _both("""
    SELECT t.id FROM membership_term t
    WHERE t.member_id {ids:1} AND t.plan_id = $2 AND t.given_at >= $3 AND t.ends_at > $4 AND t.cut_at IS NULL
        AND t.cause IN ('bought', 'upgraded')
        AND NOT EXISTS (SELECT 1 FROM co_brand_membership j WHERE j.term_id = t.id)
    ORDER BY t.given_at, t.id LIMIT 1
""")
JOIN = """
    INSERT INTO co_brand_membership (id, created_at, co_brand_id, member_id, side_id, term_id, partner_ref, joined_on,
        joined_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $2) ON CONFLICT (co_brand_id, member_id) DO NOTHING RETURNING id
"""
# What a side ($2) gives for one more, while its cap allows.
SUBSIDISE = """
    UPDATE co_brand_side SET given_fen = given_fen + subsidy_fen
    WHERE co_brand_id = $1 AND party = $2 AND given_fen + subsidy_fen <= cap_fen RETURNING id, subsidy_fen
"""
MINE = _both("""
    SELECT c.id, c.name, c.partner_name, c.state, c.is_free, COALESCE(c.ended_at, c.ends_at) AS agreement_ends_at,
        j.joined_at, s.party,
        t.level, t.ends_at, t.cut_at
    FROM co_brand_membership j JOIN co_brand c ON c.id = j.co_brand_id JOIN co_brand_side s ON s.id = j.side_id
    JOIN membership_term t ON t.id = j.term_id WHERE j.member_id {ids:1} ORDER BY j.joined_at DESC, j.id DESC
""")
_SHARES = "SELECT 1 AS shares FROM consent k WHERE k.member_id = {member} AND k.purpose = 'sharing'"
SHARES = _SHARES.format(member="$1") + " AND k.withdrawn_at IS NULL LIMIT 1"

# --- what was given for an agreement ($1) that ended, and runs on ($2 now, $3 after this one, $4 how many)

GIVEN = """
    SELECT j.id, j.term_id, t.member_id FROM co_brand_membership j JOIN membership_term t ON t.id = j.term_id
    WHERE j.co_brand_id = $1 AND t.cause = 'co_branded' AND t.cut_at IS NULL AND t.ends_at > $2 AND j.id > $3
    ORDER BY j.id LIMIT $4
"""

# --- figures: of an agreement ($1) by day and side, since $2 and before $3 (YYYY-MM-DD)

DAYS = """
    SELECT d.business_on, d.party, SUM(d.came) AS visit_count, SUM(d.joined) AS join_count FROM (
        SELECT v.business_on, s.party, 1 AS came, 0 AS joined FROM co_brand_visit v
        JOIN co_brand_side s ON s.id = v.side_id
        WHERE s.co_brand_id = $1 AND v.business_on >= $2 AND v.business_on < $3
        UNION ALL SELECT j.joined_on, s.party, 0, 1 FROM co_brand_membership j JOIN co_brand_side s ON s.id = j.side_id
        WHERE j.co_brand_id = $1 AND j.joined_on >= $2 AND j.joined_on < $3
    ) d GROUP BY d.business_on, d.party ORDER BY d.business_on, d.party
"""
# Those who let the partner know of them: nobody else ever is in it. $2 after this one, $3 how many.
SHARED = f"""
    SELECT j.id, j.partner_ref, s.party, j.joined_at, t.ends_at, t.cut_at
    FROM co_brand_membership j JOIN co_brand_side s ON s.id = j.side_id JOIN membership_term t ON t.id = j.term_id
    JOIN member m ON m.id = j.member_id JOIN member o ON o.id = COALESCE(m.canonical_id, m.id) AND o.status = 'active'
    WHERE j.co_brand_id = $1 AND j.id > $2 AND EXISTS ({_SHARES.format(member="o.id")} AND k.withdrawn_at IS NULL)
    ORDER BY j.id LIMIT $3
"""  # noqa: S608 - no outside input in it
