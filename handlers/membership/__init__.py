"""Joining, and what a member is told about themselves."""
