"""One module a step, named by the schema that it makes."""
