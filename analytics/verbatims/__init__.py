"""What citizens write, as feeling and themes. Pure functions on texts: where texts come from and go to is others' matter."""
