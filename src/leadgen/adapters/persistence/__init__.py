"""Persistence in SQLite and PostgreSQL: SQLAlchemy Core tables, and one repository per aggregate."""
