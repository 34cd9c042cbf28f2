"""The words every room shares: states, places, findings, hazards, configuration. Standard library only."""
