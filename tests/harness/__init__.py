"""Helpers of the end-to-end and chaos tests: a local cluster, its clients, its audit files."""
