"""等级权益: what levels bring by themselves, once per member and period. docs/adr/0022."""
