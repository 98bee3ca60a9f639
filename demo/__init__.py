"""The demo world: rendered scenes, a loopback image server and tiny trained models."""
