"""签到: checking in, make-up cards, and the versions of what they give."""
