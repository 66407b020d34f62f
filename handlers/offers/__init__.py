"""How a benefit is had: terms, stock, publishing, and what people see."""
