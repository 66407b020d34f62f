"""What operators give to many, give again, and take back."""
