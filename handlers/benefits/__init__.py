"""What there is to have: benefits, their kinds, quotas, reviews, pools of codes."""
