"""Asking web sites politely, and reading what they answer."""
