"""How many trips to the database the hot acts take. A machine's speed does not change these numbers."""
