"""The static lens: source in, findings out. Neither SQLAlchemy nor the program is imported."""
