"""The mapped classes of a project, found from its source."""
