"""SQL of the parts of statements: sealing entries, taking parts, reading them."""

from models.statements.settlement import ENTRIES

# Merchants of whom so many entries are open, or more: of each no more is looked at than makes a part. $1 after this
# merchant, $2 how many entries, $3 how many merchants
_FULL = """
    (SELECT count(*) FROM (SELECT 1 AS one FROM {entry} e
        WHERE e.merchant_id = m.id AND e.part_id IS NULL LIMIT $2) AS of_{entry})
"""
FULL_MERCHANTS = f"""
    SELECT m.id FROM merchant m WHERE m.id > $1 AND {" + ".join(_FULL.format(entry=each) for each in ENTRIES)} >= $2
    ORDER BY m.id LIMIT $3
"""  # noqa: S608 - no outside input in any of these
# Up to which id a whole part of the open entries goes; no row where fewer are left. $1 merchant, $2 from, $3 until,
# $4 how many make one, $5 one less
_IDS = """
    SELECT * FROM (
        SELECT id FROM {entry}
        WHERE merchant_id = $1 AND part_id IS NULL AND happened_at >= $2 AND happened_at < $3 ORDER BY id LIMIT $4
    ) AS of_{entry}
"""
END_OF_PART = f"""
    SELECT id FROM ({" UNION ALL ".join(_IDS.format(entry=each) for each in ENTRIES)}) AS ids
    ORDER BY id LIMIT 1 OFFSET $5
"""  # noqa: S608
# $1 the part, $2 merchant, $3 from, $4 until, up to $5. Who seals counts what is in it then: more than was read is one
# that came in between.
_SEAL = """
    SET part_id = $1
    WHERE merchant_id = $2 AND part_id IS NULL AND happened_at >= $3 AND happened_at < $4 AND id <= $5
"""
SEAL = tuple(f"UPDATE {each} {_SEAL}" for each in ENTRIES)
_COUNT = "(SELECT count(*) FROM {entry} WHERE part_id = $1)"
SEALED = f"SELECT {' + '.join(_COUNT.format(entry=each) for each in ENTRIES)} AS number"

_PARTS = "SELECT id, merchant_id, business_on, from_on, entry_count, sums, hash FROM settlement_part"
# What no statement has. $1 merchant, $2 the last day, $3 after this one, $4 how many
OPEN_PARTS = f"""
    {_PARTS} WHERE merchant_id = $1 AND statement_id IS NULL AND business_on <= $2 AND id > $3 ORDER BY id LIMIT $4
"""
# $1 the statement, $2 after this one, $3 how many
PARTS_OF = f"{_PARTS} WHERE statement_id = $1 AND id > $2 ORDER BY id LIMIT $3"
# Each that it takes. $1 the statement, $2 merchant, $3 the last day
TAKE_PARTS = """
    UPDATE settlement_part SET statement_id = $1 WHERE merchant_id = $2 AND statement_id IS NULL AND business_on <= $3
    RETURNING id
"""
# Of every merchant. $1 after this one, $2 how many
EVERY_OPEN_PART = f"{_PARTS} WHERE statement_id IS NULL AND id > $1 ORDER BY id LIMIT $2"
