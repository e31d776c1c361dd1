"""Materials of chapter 18."""
