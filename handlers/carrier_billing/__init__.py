"""话费支付: orders that are paid on the phone bill of a bound number, confirmed with a code by SMS."""
