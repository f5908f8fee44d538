"""What is read out of a policy document."""
