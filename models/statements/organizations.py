"""The tree of organizations, read downwards."""

# UNION, not UNION ALL: a circle, which nobody should be able to make, still ends.
SUBTREE = """
    WITH RECURSIVE scope AS (
        SELECT id, parent_id FROM organization WHERE id = $1
        UNION
        SELECT o.id, o.parent_id FROM organization o JOIN scope s ON o.parent_id = s.id)
    SELECT CAST(id AS TEXT) AS id, CASE WHEN parent_id IS NULL THEN 1 ELSE 0 END AS is_root FROM scope
"""
# Where rows may come from that hold good at an organization: itself, everything above, everything below.
LINEAGE = """
    WITH RECURSIVE below AS (
        SELECT id FROM organization WHERE id = $1
        UNION
        SELECT o.id FROM organization o JOIN below b ON o.parent_id = b.id),
    above AS (
        SELECT id, parent_id FROM organization WHERE id = $1
        UNION
        SELECT o.id, o.parent_id FROM organization o JOIN above a ON o.id = a.parent_id)
    SELECT CAST(id AS TEXT) AS id FROM below UNION SELECT CAST(id AS TEXT) AS id FROM above
"""
KEEP = """
    INSERT INTO organization (id, created_at, parent_id, code, name, kind) VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (code) DO NOTHING RETURNING id
"""
