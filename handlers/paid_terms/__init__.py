"""付费会员 as terms: what somebody has until when, given, lifted and cut. docs/adr/0032."""
