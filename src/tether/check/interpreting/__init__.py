"""The interpreter itself: it runs op graphs on abstract states, and knows neither Python nor SQLAlchemy."""
