"""联名会员: agreements with partners, joining them, and what both sides are told. docs/adr/0039."""
