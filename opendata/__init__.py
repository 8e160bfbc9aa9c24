"""Open data: what of the published figures may be public, written to a folder and sent to a catalogue."""
