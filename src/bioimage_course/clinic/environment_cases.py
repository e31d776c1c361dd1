"""Cases whose cause lies in the environment."""
