"""Who is who: identifiers, their proofs, links, merges and sessions."""
