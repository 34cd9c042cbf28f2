"""The one door to SQLAlchemy: facts about instances and Sessions, and every private name we touch."""
