"""What a clerk sees of a member who was identified: the claims that could be honoured here, what ends first first."""

from models.sql import Both

# $1 all ids of the member, $2 merchant, $3 now, $4 how many
_HELD = """
    SELECT c.id FROM claim c JOIN benefit b ON b.id = c.benefit_id
    WHERE c.member_id {these} AND c.state IN ('issued', 'partly_used') AND b.merchant_id = $2
        AND b.kind IN ('voucher', 'partner_coupon') AND (c.expires_at IS NULL OR c.expires_at > $3)
    ORDER BY (c.expires_at IS NULL), c.expires_at, c.id LIMIT $4
"""
HELD = Both(
    postgres=_HELD.format(these="= ANY($1::uuid[])"), sqlite=_HELD.format(these="IN (SELECT value FROM json_each($1))")
)
MEMBER = "SELECT id, number, status, joined_at FROM member WHERE id = $1"
