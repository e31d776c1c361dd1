"""Chapter 19: the exercises tell right answers, usual mistakes and untouched starters apart."""
