"""The service that answers programs: images in, verdicts out, within limits."""
