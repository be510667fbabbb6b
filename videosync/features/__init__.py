"""Signals of one clip that are measured, not learned."""
