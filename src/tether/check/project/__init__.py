"""The files of a project: read, their names resolved, their functions lowered."""
