"""What is decided of a firm: sector, segments, place."""
