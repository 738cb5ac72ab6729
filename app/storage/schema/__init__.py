"""Parts of the schema that app/storage/tables.py puts together."""
