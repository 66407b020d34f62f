"""The tree of organizations, read downwards."""

# UNION, not UNION ALL: a circle, which nobody should be able to make, still ends.
SUBTREE = """
    WITH RECURSIVE scope AS (
        SELECT id, parent_id FROM organization WHERE id = $1
        UNION
        SELECT o.id, o.parent_id FROM organization o JOIN scope s ON o.parent_id = s.id)
    SELECT CAST(id AS TEXT) AS id, CASE WHEN parent_id IS NULL THEN 1 ELSE 0 END AS is_root FROM scope
"""
