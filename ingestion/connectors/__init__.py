"""One package per platform: what it says and how it is read."""
