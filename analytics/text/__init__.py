"""Sentiment, themes, keyness and search terms of what citizens write: pure functions on texts."""
