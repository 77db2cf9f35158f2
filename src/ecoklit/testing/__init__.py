"""What tests and the demonstration stand on; the product never imports it."""
