"""Cases whose cause lies in the prediction."""
