"""Cases whose cause lies in the evaluation."""
