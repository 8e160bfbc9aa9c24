"""What readers open: copies of the published data that hold what a right grants. Runs on the server's side too."""
