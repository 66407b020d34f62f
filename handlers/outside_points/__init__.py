"""Points that somebody outside keeps: held before an offer is given, taken after it was. docs/adr/0029."""
