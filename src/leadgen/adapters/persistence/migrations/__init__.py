"""Migrations of the database: package data, so that an installed leadgen can migrate."""
