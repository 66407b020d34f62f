"""Orders that are paid in money: locked, paid, fulfilled as claims, given back, refunded."""
