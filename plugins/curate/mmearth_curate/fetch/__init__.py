"""Fetching the published datasets: a table of addresses, and a download that goes on where it was broken off."""
