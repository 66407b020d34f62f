"""What merchants are owed: terms, daily statements, and what was redeemed."""
