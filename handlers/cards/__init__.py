"""Membership cards: kinds, imports, binding, recognition."""
