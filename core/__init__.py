"""What every other package needs: settings, paths, errors, the clock, locks, files. It imports nothing of ours."""
