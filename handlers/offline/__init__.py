"""Redemption without a network: packs to check codes by, uploads of scans, the cut-off of a day, and conflicts."""
