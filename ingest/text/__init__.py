"""Values, identifiers, coordinates and personal data in texts."""
