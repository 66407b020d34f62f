"""Tasks: what members are rewarded for having done, on the evidence of our own tables."""
