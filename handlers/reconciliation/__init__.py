"""对账: the bills of the payment service beside our rows."""
