"""The rights of people over their data: reading, exporting, leaving, and what is kept how long."""
