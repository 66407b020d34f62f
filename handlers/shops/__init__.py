"""Merchants, their stores and the clerks in them."""
