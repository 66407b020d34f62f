"""Where somebody is at home, as the store or card that brought them says; what they have, nobody writes over.

Each returns the organization and its name, or no row: there is a city already, or none to be had.
"""

# A blank is filled by one conditional UPDATE: whoever chose in the same moment keeps what they chose.
_FILL = """
    UPDATE member SET organization_id = home.id FROM (
        SELECT o.id FROM {found} WHERE o.parent_id IS NOT NULL AND o.kind <> 'department' AND {such}) home
    WHERE member.id = $1 AND member.organization_id IS NULL AND member.status = 'active'
    RETURNING organization_id, (SELECT o.name FROM organization o WHERE o.id = organization_id) AS name
"""
FILL_FROM_STORE = _FILL.format(
    found="store s JOIN merchant m ON m.id = s.merchant_id JOIN organization o ON o.id = m.organization_id",
    such="s.code = $2",
)
FILL_FROM_CARD = _FILL.format(
    found="""card c JOIN card_kind k ON k.id = c.kind_id LEFT JOIN store s ON s.id = c.last_store_id
        LEFT JOIN merchant m ON m.id = COALESCE(s.merchant_id, k.merchant_id) LEFT JOIN brand b ON b.id = k.brand_id
        JOIN organization o ON o.id = COALESCE(m.organization_id, b.organization_id)""",
    such="c.id = $2",
)
