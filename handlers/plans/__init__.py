"""付费会员: plans that operators draft and sell, trials, activation codes, and what members see. docs/adr/0032."""
