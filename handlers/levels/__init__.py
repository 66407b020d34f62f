"""等级: growth, ladders, where members stand on them, and how that moves. docs/adr/0022."""
