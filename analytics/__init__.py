"""What SQL cannot find: pure functions from rows to rows. Reading and writing rows belongs to dbt and to the assets."""
