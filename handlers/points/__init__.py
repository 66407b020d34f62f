"""积分: earning, spending and what comes back, what members see, what operators set and adjust."""
