"""What `analytics` has learnt from what was published, as Dagster assets. What it learns, and how, is not told here."""
