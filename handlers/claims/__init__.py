"""What members hold: claiming, issuing, expiry, the wallet."""
