"""Where real images come from: each source lists what it has and fetches the bytes exactly as they are."""
