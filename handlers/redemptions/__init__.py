"""The counter: passes, redeeming, undoing, attempts."""
