"""The one ledger: accounts, transfers, holds, lots, and the sums of the programme's own accounts."""
