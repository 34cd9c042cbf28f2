"""What SQLAlchemy does, and what is done around it, to an abstract state."""
