"""提现: money of members on its way to their wallets: set aside, looked at, sent once, arrived or back."""
