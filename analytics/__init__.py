"""What SQL cannot find: pure functions from rows to rows. Reading and writing the rows belongs to dbt and to the assets."""
