"""Fetching the published datasets: a table of addresses, and a download that continues where it was interrupted."""
