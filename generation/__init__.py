"""Captions and fakes: what the published models are asked, and all that is needed to ask them again."""
