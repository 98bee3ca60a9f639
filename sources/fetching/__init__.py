"""Fetching what lists of URLs name: within limits, politely, and never from the network of who asks."""
