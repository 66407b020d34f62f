"""What others fulfil for us: suppliers, the orders placed with them, and what they say of them."""
