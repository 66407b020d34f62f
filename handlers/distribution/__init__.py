"""Distribution (分销): promoters, the rules of commissions, and commissions from payment to the member's own money."""
