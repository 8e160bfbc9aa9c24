"""From a signal to whoever must know of it: read, put into the outbox, written, sent. Detecting is elsewhere."""
