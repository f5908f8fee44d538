"""The page of the atlas."""
