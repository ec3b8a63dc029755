"""A clinic whose departments share one topic, and may not all see the same: with SNS's own feature, and by a relay."""
