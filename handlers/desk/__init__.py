"""The service desk: finding, merging and reviewing members."""
