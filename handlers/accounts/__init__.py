"""The WeChat accounts that belong to the operator, and what they open."""
