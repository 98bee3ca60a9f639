"""The probes: each takes the evidence and the settings, and gives what it found."""
