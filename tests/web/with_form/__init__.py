"""The pages with one more, whose form shows what it was sent."""
