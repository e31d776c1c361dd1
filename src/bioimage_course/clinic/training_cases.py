"""Cases whose cause lies in the training."""
