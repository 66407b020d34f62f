"""Purchases and refunds as channels tell of them, and what members earn by them and lose again. docs/adr/0023."""
