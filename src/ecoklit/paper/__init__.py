"""The commission's forms on paper: what the roll says as pages of a PDF, with whom they are for on each."""
