"""Lucky draws: published, spun, and provable by anybody afterwards."""
