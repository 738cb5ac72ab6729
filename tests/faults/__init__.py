"""What is lost when something dies under load: nothing."""
