"""What a published version holds, and how two of them differ."""
